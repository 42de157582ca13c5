"""How loud audio is from frame to frame, an offset and mains hum left out, and what stands out.

samples -> without mean and hum -> level of each 10 ms -> threshold over the noise floor
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from asr.audio.files import Waveform

Levels = npt.NDArray[np.float64]  # (frames,), dBFS

HOP_SECONDS = 0.01
MEDIAN_FRAMES = 5  # a click shorter than half of this leaves no trace in the levels
NOTHING_DB = -90.0  # dBFS: below the last bit of 16-bit audio
HUM_SECONDS = 0.2  # whole periods of mains of 50 Hz, of 60 Hz, and of all their harmonics
HUM_BINS = sorted({10 * k for k in range(1, 13)} | {12 * k for k in range(1, 11)})  # to 600 Hz
HUM_ABOVE = 4.0  # times the frequencies beside it: a line, where a voice is not so all the time
HUM_FRAMES = 10  # fewer do not show that it goes on
FLAT_DB = 10.0  # speech spans more than this between its dips and its peaks
HUM_DB = -60.0  # dBFS: flat sound above this could be speech and is kept
FLOOR_PERCENTILE = 10
# Above the floor so much of the way to the loudest, and between so many dB: what speech reaches,
# and what it holds before and after. Chosen on other recordings than the reported ones
# (tests/benchmarks/speech_detection.py --split choosing): of noise at 20 dB, two fifths of what the
# one threshold of 0.15 over a floor of 5 % kept; with nothing held, weak syllables are cut off.
REACHED = (0.4, 3.0, 15.0)
HELD = (0.2, 3.0, 15.0)
HISTORY_PAGES = 4  # the threshold of a page sees so many pages, its own included


class LevelFinder:
    """Speech is what is louder than the noise around it, page after page."""

    def __init__(self) -> None:
        self.history: deque[Levels] = deque(maxlen=HISTORY_PAGES)
        self.was_speech = False  # the last frame of the page before

    def __call__(self, page: Waveform, levels: Levels) -> npt.NDArray[np.bool_]:
        """Returns which frames hold speech, from the levels (frames,) of the next page."""
        self.history.append(levels)
        history = np.concatenate(self.history)
        is_held = levels > threshold(levels, history, HELD)
        edges = np.flatnonzero(np.diff(is_held, prepend=False, append=False))
        is_speech = levels > threshold(levels, history, REACHED)
        for start, end in edges.reshape(-1, 2):
            is_cut = end == len(levels) or (start == 0 and self.was_speech)  # by the page's edge
            is_speech[start:end] = is_cut or is_speech[start:end].any()
        self.was_speech = bool(is_speech[-1])
        return is_speech


def frame_levels(page: Waveform, hop: int) -> Levels:
    """Returns the level of each hop in dBFS, clicks taken out: (N,) -> (ceil(N / hop),)."""
    # librosa.feature.rms computes the same, but importing librosa takes three seconds.
    heard = without_hum(page, round(hop * HUM_SECONDS / HOP_SECONDS))
    frames = np.pad(heard, (0, -len(page) % hop)).reshape(-1, hop)  # (N,) -> (frames, hop)
    # The mean of a page is that of its speech too, and would be heard in digital silence.
    frames -= frames.mean(axis=1, keepdims=True)
    power = np.einsum("fh,fh->f", frames, frames, dtype=np.float64) / hop
    levels = 10.0 * np.log10(np.maximum(power, 1e-10))
    # Mirrored, since repeating a first frame would let a resampler's start on an offset stand.
    around = np.pad(levels, MEDIAN_FRAMES // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, MEDIAN_FRAMES)
    smooth: Levels = np.median(windows, axis=1)
    return smooth


def without_hum(page: Waveform, size: int) -> npt.NDArray[np.float64]:
    """Returns the samples (N,) without their mean and without lasting mains hum."""
    centred: npt.NDArray[np.float64] = page - page.mean(dtype=np.float64)
    count = len(page) // size
    if count < HUM_FRAMES:
        return centred
    spectrum = np.fft.rfft(centred[: count * size].reshape(count, size))  # (frames, size / 2 + 1)
    lasting = np.percentile(np.abs(spectrum[:, : HUM_BINS[-1] + 2]), 10, axis=0)
    beside = np.maximum(lasting[np.array(HUM_BINS) - 1], lasting[np.array(HUM_BINS) + 1])
    lines = np.array(HUM_BINS)[lasting[HUM_BINS] > HUM_ABOVE * beside]
    for line in lines:
        centred -= _line(spectrum[:, line], int(line), size)[: len(page)]
    return centred


def _line(found: npt.NDArray[np.complex128], line: int, size: int) -> npt.NDArray[np.float64]:
    """The sound of one line of hum, a frame more than it was found in: (frames,) -> (samples,).

    Mains are not quite at their frequency: how the phase goes on from frame to frame tells it.
    """
    drift = float(np.angle(np.vdot(found[:-1], found[1:]))) / size  # radians a sample
    found = np.append(found, found[-1] * np.exp(1j * drift * size))
    places = np.arange(size)
    angles = 2 * np.pi * line / size * places + drift * (places - (size - 1) / 2)
    turns = np.exp(1j * angles) * (2 / size)
    sound: npt.NDArray[np.float64] = np.outer(found.real, turns.real)
    sound -= np.outer(found.imag, turns.imag)
    return sound.reshape(-1)


def is_steady(levels: Levels) -> bool:
    """Returns whether levels (dBFS) stay within what noise alone varies."""
    low, high = np.percentile(levels, (5, 95))
    return bool(high - low < FLAT_DB)


def threshold(page: Levels, history: Levels, above: tuple[float, float, float]) -> float:
    """Returns the level (dBFS) above which a frame of the page counts."""
    found = [_above_floor(levels, above) for levels in (page, history)]
    thresholds = [level for level in found if level is not None]
    if thresholds:
        return min(thresholds)  # the lower one: a quiet talker after a loud one is not lost
    return NOTHING_DB if float(history.max()) > HUM_DB else 0.0


def _above_floor(levels: Levels, above: tuple[float, float, float]) -> float | None:
    """Above the noise floor, or None where nothing stands out of it."""
    audible = levels[levels > NOTHING_DB]
    if len(audible) == 0:
        return None
    floor, loud = float(np.percentile(audible, FLOOR_PERCENTILE)), float(audible.max())
    if loud - floor < FLAT_DB:
        return None
    share, least, most = above
    return floor + min(max(least, share * (loud - floor)), most)
