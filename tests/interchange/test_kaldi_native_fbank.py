import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interchange.peer import Peer
from interchange.sounds import RATE, log_mel, sound, sound_file

from asr.features import LogMel

KALDI = Peer("kaldi-native-fbank")
SCALE = 2 * math.log(32768)  # of log energies, where samples are 16-bit integers and not +-1


def theirs(path, scale, options):
    import kaldi_native_fbank
    import numpy

    settings = kaldi_native_fbank.FbankOptions()
    settings.mel_opts.num_bins = 80
    for name, value in options.items():
        setattr(settings.frame_opts, name, value)
    fbank = kaldi_native_fbank.OnlineFbank(settings)
    fbank.accept_waveform(16000, (scale * numpy.load(path)).tolist())
    fbank.input_finished()
    return [fbank.get_frame(place).tolist() for place in range(fbank.num_frames_ready)]


def kaldi(path: Path, scale: float = 32768.0, **options: Any) -> np.ndarray:
    """Returns Kaldi's log-mel energies (T,80), without dither unless it is given."""
    return np.array(KALDI.call(theirs, path, scale, {"dither": 0.0, **options}))


def with_kaldis_window_and_filters() -> LogMel:
    """Returns our features with Kaldi's pre-emphasis, window, and triangles straight in mels."""
    features = LogMel(RATE, preemphasis=0.97)
    window = torch.hann_window(400, periodic=False, dtype=torch.float64) ** 0.85
    hertz = torch.arange(257, dtype=torch.float64) * RATE / 512
    mels = 1127 * (1 + hertz / 700).log()
    low, high = (1127 * math.log(1 + edge / 700) for edge in (20.0, 8000.0))
    edges = torch.linspace(low, high, 82, dtype=torch.float64)
    up = (mels[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - mels[:, None]) / (edges[2:] - edges[1:-1])
    features.window.copy_(window)
    features.filters.copy_(torch.minimum(up, down).clamp(min=0))
    return features


@pytest.mark.row(
    "kaldi-native-fbank",
    "same numbers",
    "log-mel: equal to 1e-3 with its pre-emphasis, window, triangles, less 2 ln 32768",
)
def test_nothing_but_the_reasons_told_parts_our_features_from_kaldis(tmp_path: Path) -> None:
    samples = sound()
    found = kaldi(sound_file(tmp_path, samples), remove_dc_offset=False)
    ours = log_mel(with_kaldis_window_and_filters(), samples)
    assert ours.shape == found.shape == (98, 80)
    assert np.abs(found - SCALE - ours).max() < 1e-3


@pytest.mark.row(
    "kaldi-native-fbank",
    "same numbers",
    "log-mel, each by its defaults: the mean distance, and what of it each reason takes away",
)
def test_our_features_lie_as_far_from_kaldis_as_is_told(tmp_path: Path) -> None:
    samples = sound()
    path = sound_file(tmp_path, samples)
    plain, emphasised = (log_mel(LogMel(RATE, preemphasis=a), samples) for a in (0.0, 0.97))
    integers = kaldi(path) - SCALE
    distances = {
        "samples within +-1": (kaldi(path), plain, 19.52),
        "pre-emphasis": (integers, plain, 1.96),
        "window and offset": (integers, emphasised, 0.15),
        "the triangles": (
            kaldi(path, remove_dc_offset=False, window_type="hanning") - SCALE,
            emphasised,
            0.006,
        ),
        "dither of 1 is for integers": (kaldi(path, 1.0, dither=1.0), integers, 5.96),
        "dither of 3e-5 is for +-1": (kaldi(path, 1.0, dither=3e-5), integers, 0.001),
    }
    for reason, (theirs, ours, told) in distances.items():
        found = np.abs(theirs - ours).mean()
        assert found == pytest.approx(told, rel=0.02, abs=1e-3), reason
