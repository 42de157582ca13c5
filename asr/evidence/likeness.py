"""How much sound is like speech, whatever a recognizer makes of it.

samples -> spectra each 10 ms -> how they change, how periodic they are -> a logit

Speech changes its spectrum from syllable to syllable, two to eight times a second, and most of it
is voiced, with a pitch that goes on. Rain, engines, hum and clicks lack the one or the other; a
recognizer that knows speech alone may write words for them that look probable to it.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

FRAME_SECONDS, HOP_SECONDS = 0.032, 0.01
SPECTRUM_SECONDS = 0.048  # with zeros behind a frame, so that lags of a pitch do not wrap round
LOWEST_HZ = 60.0  # below is hum
EDGES_HZ = (
    *(100, 200, 300, 400, 510, 630, 770, 920, 1080),
    *(1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700),
)
PITCH_HZ = (70.0, 400.0)
ACTIVE_DB = 25.0  # below the loudest frames: what is looked at
SPAN_DB = 50.0  # what is weaker than this below the loudest is all alike
VOICED = 0.6  # of its loudness a frame repeats after a period
STEADY_PITCH = 0.08  # from frame to frame, relative
RUN_FRAMES = 4  # so many voiced frames with a pitch that goes on are a vowel
SYLLABLES_HZ = (2.0, 8.0)


class Signs(NamedTuple):
    """What is measured of a sound."""

    syllables: float  # share of the changes of the bands' levels that is as fast as syllables
    shapes: float  # dB by which active spectra differ in shape from the mean
    changes: float  # likewise from the spectrum 50 ms before
    periodic: float  # mean periodicity of active frames
    periodic_energy: float  # likewise, each frame counting by its energy
    vowels: float  # share of active frames in runs whose pitch goes on
    tilt: float  # dB from above 1.5 kHz to below 0.77 kHz
    active: float  # share of frames that are active


# One row a sign: bounds, then mean and deviation within them, and the weight of its deviations.
# Fitted by tests/benchmarks/made_up_words.py choose: to training and dev speech of AN4,
# LibriSpeech, FSDD and the synthetic corpus, clean, in noise, in rooms, on the telephone and
# whispered; to half of the noises of noise-rir and their mixtures; and to artificial noises.
LIKE_SPEECH: tuple[tuple[float, float, float, float, float], ...] = (
    (0.1051, 0.7904, 0.4310, 0.1457, 0.9589),  # syllables
    (2.3753, 9.8307, 6.1659, 1.8480, 1.6722),  # shapes
    (0.8207, 7.5624, 4.7885, 1.2341, 0.4869),  # changes
    (0.2078, 0.9988, 0.6833, 0.1791, -2.7675),  # periodic
    (0.2072, 0.9983, 0.7727, 0.2015, 1.6144),  # periodic_energy
    (0.0000, 0.9629, 0.3609, 0.2533, 2.2426),  # vowels
    (-26.9228, 22.6155, 7.1288, 8.7316, 1.2843),  # tilt
    (0.1818, 1.0000, 0.8386, 0.1854, 0.7616),  # active
)
BIAS = 2.3178


def speech_likeness(waveform: npt.NDArray[np.float32], sample_rate: int) -> float:
    """Returns the logarithm of the odds that a waveform (N,) is speech; digital silence is not.

    Args:
        waveform: float32 in [-1, 1]; its level does not matter.
        sample_rate: in Hz.
    """
    return BIAS + sum(
        weight * (min(max(value, low), high) - mean) / deviation
        for value, (low, high, mean, deviation, weight) in zip(
            measure_signs(waveform, sample_rate), LIKE_SPEECH, strict=True
        )
    )


@torch.inference_mode()
def measure_signs(waveform: npt.NDArray[np.float32], sample_rate: int) -> Signs:
    """Returns the signs of a waveform (N,), of a frame at least."""
    size, hop = round(FRAME_SECONDS * sample_rate), round(HOP_SECONDS * sample_rate)
    samples = torch.from_numpy(np.ascontiguousarray(waveform))
    samples = torch.nn.functional.pad(samples, (0, max(0, size - len(samples))))
    window = torch.hann_window(size, periodic=False, dtype=samples.dtype)
    num_points = round(SPECTRUM_SECONDS * sample_rate / 2) * 2
    power = _power((samples - samples.mean()).unfold(0, size, hop) * window, num_points)
    hertz = torch.arange(power.size(1)) * (sample_rate / num_points)
    power[:, : int((hertz < LOWEST_HZ).sum())] = 0.0
    loudness = _decibels(power.sum(dim=1))
    top = torch.quantile(loudness, 0.95)
    active = loudness > top - ACTIVE_DB
    low, high = (torch.tensor(edges)[:, None] for edges in (EDGES_HZ[:-1], EDGES_HZ[1:]))
    bands = power @ ((hertz >= low) & (hertz < high)).float().T
    periodicity, pitch = _periodicity(power, window, sample_rate)
    energy = torch.exp2((loudness - top) / 3)[active]
    levels = _decibels(bands)
    levels = levels.clamp(min=float(levels.max()) - SPAN_DB)
    shapes, changes = _shapes(levels, active)
    mean = _decibels(bands[active].mean(dim=0))
    return Signs(
        syllables=_syllables(levels),
        shapes=shapes,
        changes=changes,
        periodic=float(periodicity[active].mean()),
        periodic_energy=float((periodicity[active] * energy).sum() / energy.sum()),
        vowels=_vowels(periodicity, pitch, active),
        tilt=float(mean[:6].mean() - mean[10:].mean()),
        active=float(active.float().mean()),
    )


def _power(frames: Tensor, num_points: int) -> Tensor:
    spectrum: Any = torch.fft.rfft(frames, n=num_points)
    power: Tensor = spectrum.real.square() + spectrum.imag.square()
    return power


def _decibels(power: Tensor) -> Tensor:
    return 10.0 * (power + 1e-9).log10()


def _syllables(levels: Tensor) -> float:
    """Returns the share of syllables in the changes of levels (T,bands)."""
    num_points = 1 << len(levels).bit_length()  # its transform is fast
    centred = (levels - levels.mean(dim=0)).T.contiguous()
    change = _power(centred, num_points).sum(dim=0)
    hertz = torch.fft.rfftfreq(num_points, HOP_SECONDS)
    is_change, (low, high) = hertz > 0.3, SYLLABLES_HZ
    is_syllable = (hertz >= low) & (hertz < high)
    return float(change[is_syllable].sum() / (change[is_change].sum() + 1e-9))


def _shapes(levels: Tensor, active: Tensor) -> tuple[float, float]:
    """Returns how far active spectra (T,bands) are from their mean and from those before, in dB."""
    centred = levels - levels.mean(dim=0)
    shapes = centred - centred.mean(dim=1, keepdim=True)
    differences = (shapes[5:] - shapes[:-5]).abs()[active[5:]]
    changes = float(differences.mean()) if len(differences) else 0.0
    return float(shapes[active].square().mean().sqrt()), changes


def _periodicity(power: Tensor, window: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Returns of each frame how much of it repeats after a period, and the pitch in Hz."""
    lowest, highest = PITCH_HZ
    first, end = int(sample_rate / highest), int(sample_rate / lowest)
    num_points = 2 * (power.size(1) - 1)
    same = torch.fft.irfft(power, n=num_points)[:, :end]
    own = torch.fft.irfft(_power(window, num_points), n=num_points)[:end]
    periodicity, lag = (same[:, first:] / (own[first:] / own[0] + 1e-3)).max(dim=1)
    return periodicity / (same[:, 0] + 1e-12), sample_rate / (first + lag)


def _vowels(periodicity: Tensor, pitch: Tensor, active: Tensor) -> float:
    """Returns the share of active frames that lie in runs of one pitch that goes on."""
    voiced = (periodicity > VOICED) & active
    steady = (pitch[1:] / pitch[:-1]).log().abs() < STEADY_PITCH
    goes_on = (voiced[1:] & voiced[:-1] & steady).int()
    edges = torch.nn.functional.pad(goes_on, (1, 1)).diff()
    lengths = (edges == -1).nonzero() - (edges == 1).nonzero()
    return float(lengths[lengths >= RUN_FRAMES].sum() / active.sum())
