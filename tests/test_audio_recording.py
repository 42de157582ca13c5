import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio.recording import Recording
from asr.errors import DataError

RATE = 8000
LEFT = (0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)
RIGHT = np.linspace(-0.5, 0.5, 2 * RATE, dtype=np.float32)


def stereo(path: Path, right: np.ndarray = RIGHT) -> Path:
    soundfile.write(path, np.stack([LEFT, right], axis=1), RATE, subtype="FLOAT")
    return path


def heard(recording: Recording) -> tuple[np.ndarray, list[str]]:
    said: list[str] = []
    return np.concatenate([*recording.blocks(RATE, on_warning=said.append)]), said


@pytest.mark.parametrize("kind", ["path", "bytes", "file", "file further on"])
def test_a_path_bytes_and_a_file_object_are_heard_alike(tmp_path: Path, kind: str) -> None:
    path = stereo(tmp_path / "a.wav")
    data = path.read_bytes()
    later = io.BytesIO(b"head" + data)
    later.seek(4)
    source = {"path": path, "bytes": data, "file": io.BytesIO(data), "file further on": later}[kind]
    samples, said = heard(Recording(source))  # type: ignore[arg-type]
    assert np.array_equal(samples, np.stack([LEFT, RIGHT], axis=1).mean(axis=1))
    assert said == []
    assert Recording(source).path == (path if kind == "path" else None)  # type: ignore[arg-type]


def test_one_channel_is_heard_alone_and_a_part_from_its_place(tmp_path: Path) -> None:
    path = stereo(tmp_path / "a.wav")
    assert np.array_equal(heard(Recording(path, channel=1))[0], LEFT)
    assert np.array_equal(heard(Recording(path, channel=2))[0], RIGHT)
    part, _ = heard(Recording(path, channel=2).part(0.5, 1.25))
    assert np.array_equal(part, RIGHT[RATE // 2 : RATE * 5 // 4])
    rest, _ = heard(Recording(path, channel=2).part(1.5, None))
    assert np.array_equal(rest, RIGHT[RATE * 3 // 2 :])
    assert len(heard(Recording(path).part(1.5, 99.0))[0]) == RATE // 2


def test_channels_that_cancel_or_are_silent_are_noticed_for_what_is_heard(tmp_path: Path) -> None:
    path = stereo(tmp_path / "a.wav", -LEFT)
    assert "cancel each other" in heard(Recording(path))[1][0]
    assert heard(Recording(path, channel=2))[1] == []
    path = stereo(tmp_path / "b.wav", np.zeros_like(LEFT))
    assert "channel 2 of 2 is silent (the mean" in heard(Recording(path))[1][0]
    assert heard(Recording(path, channel=1))[1] == []
    assert heard(Recording(path, channel=2))[1] == [f"{path}: channel 2 of 2 is silent"]


def test_what_is_not_there_to_be_heard_is_said(tmp_path: Path) -> None:
    path = stereo(tmp_path / "a.wav")
    with pytest.raises(DataError, match=r"a\.wav: has 2 of the channels, number 3 is asked for"):
        heard(Recording(path, channel=3))
    with pytest.raises(DataError, match=r"a\.wav: nothing is heard from 2 s on"):
        heard(Recording(path).part(2.0, 3.0))


def test_a_fault_in_a_part_is_named_by_its_time_in_the_whole(tmp_path: Path) -> None:
    right = RIGHT.copy()
    right[RATE * 3 // 2] = np.nan
    path = stereo(tmp_path / "a.wav", right)
    with pytest.raises(DataError, match=r"NaN or infinite sample at 1\.500 s"):
        heard(Recording(path).part(1.0, None))
    assert len(heard(Recording(path).part(0.0, 1.0))[0]) == RATE


def test_a_name_stands_for_what_has_no_path() -> None:
    with pytest.raises(DataError, match=r"^standard input: empty \(0 bytes\)"):
        heard(Recording(b"", name="standard input"))
