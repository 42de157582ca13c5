from pathlib import Path

import numpy as np
import pytest
from interchange.peer import Peer
from interchange.sounds import RATE, log_mel, sound, sound_file

from asr.features import LogMel

LIBROSA = Peer("librosa")


def theirs(path, htk, norm, center):
    import librosa
    import numpy as np

    mel = librosa.feature.melspectrogram(
        y=np.load(path), sr=16000, n_fft=512, win_length=400, hop_length=160, center=center,
        pad_mode="constant", n_mels=80, fmin=20.0, fmax=8000.0, htk=htk, norm=norm,
    )  # fmt: skip
    return np.log(np.maximum(mel, 1e-7)).T.tolist()


@pytest.mark.row(
    "librosa",
    "same numbers",
    "log-mel with htk=True, norm=None, centred or not: equal to 2e-4; frames 56 samples later",
)
@pytest.mark.parametrize("centered", [False, True])
def test_our_features_are_librosas_with_htk(tmp_path: Path, centered: bool) -> None:
    samples = sound()
    ours = log_mel(LogMel(RATE, centered=centered), samples)
    path = sound_file(tmp_path, samples if centered else np.pad(samples, 56))
    found = np.array(LIBROSA.call(theirs, path, True, None, centered))
    assert ours.shape == found.shape
    assert np.abs(ours - found).max() < 2e-4


@pytest.mark.row(
    "librosa",
    "same numbers",
    "its default, Slaney's scale and area, is another: 4.3 lower, and then 1.1 away on average",
)
def test_librosas_own_filters_are_slaneys_and_others_than_ours(tmp_path: Path) -> None:
    samples = sound()
    found = np.array(LIBROSA.call(theirs, sound_file(tmp_path, samples), False, "slaney", True))
    difference = found - log_mel(LogMel(RATE, centered=True), samples)
    assert difference.mean() == pytest.approx(-4.33, abs=0.01)
    assert np.abs(difference - difference.mean()).mean() == pytest.approx(1.11, abs=0.01)
