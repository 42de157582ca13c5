from importlib.metadata import version

import numpy as np
import pytest
import torch
from interchange.sounds import RATE, log_mel, sound
from torchaudio.transforms import MelSpectrogram

from asr.features import LogMel


@pytest.mark.row(
    "torchaudio",
    "same numbers",
    "log-mel, htk filters, centred or not: equal to 2e-4; its frames begin 56 samples later",
    version=version("torchaudio"),
)
@pytest.mark.parametrize("centered", [False, True])
def test_our_features_are_torchaudios(centered: bool) -> None:
    theirs = MelSpectrogram(
        RATE, n_fft=512, win_length=400, hop_length=160, f_min=20.0, f_max=8000.0, n_mels=80,
        power=2.0, center=centered, pad_mode="constant", mel_scale="htk", norm=None,
    )  # fmt: skip
    samples = sound()
    ours = log_mel(LogMel(RATE, centered=centered), samples)
    # Its window of 400 lies in the middle of the 512 samples transformed, ours at their beginning.
    within = samples if centered else np.pad(samples, 56)
    found = theirs(torch.from_numpy(within)).clamp(min=1e-7).log().T.numpy()
    assert ours.shape == found.shape == (101 if centered else 98, 80)
    assert np.abs(ours - found).max() < 2e-4
