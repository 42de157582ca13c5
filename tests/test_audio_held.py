import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tone

from asr.audio.files import read_audio
from asr.audio.held import is_held, of_held
from asr.errors import DataError


def held_bytes(kind: str, subtype: str, samples: np.ndarray, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


class Pipe:
    """A file object that can only be read on, as one of a socket."""

    def __init__(self, content: bytes) -> None:
        self.inner = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 1000))


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")],
)
def test_what_a_file_holds_is_read_as_the_file_is(tmp_path: Path, kind: str, subtype: str) -> None:
    content = held_bytes(kind, subtype, np.stack([tone("abc"), tone("bcd")], axis=1))
    path = tmp_path / "a"
    path.write_bytes(content)
    expected = read_audio(path, 16000)
    with path.open("rb") as file:
        for source in (content, bytearray(content), memoryview(content), file, Pipe(content)):
            assert np.array_equal(np.concatenate([*of_held(source).blocks(16000)]), expected)
        assert not file.closed


def test_paths_and_samples_are_not_held() -> None:
    assert is_held(b"") and is_held(io.BytesIO())  # noqa: PT018
    assert not any(map(is_held, ("a.wav", Path("a.wav"), np.zeros(3), [0.0])))


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (b"", None, r"^audio: empty \(0 bytes\); must be audio"),
        (b"no audio at all", "talk.wav", r"^talk.wav: not audio that libsndfile reads; must be "),
        (held_bytes("WAV", "PCM_16", tone("ab"))[:-200], "a.wav", r"^a.wav: .*promises"),
        (held_bytes("WAV", "FLOAT", np.full(800, np.nan)), None, r"^audio: NaN or infinite"),
        (io.StringIO("text"), None, r"^audio: the file object gives str; must give bytes"),
    ],
)
def test_what_cannot_be_read_is_said_by_name_and_without_a_path(
    source: object, name: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        list(of_held(source, name).blocks(8000))
    assert "/asr-" not in str(caught.value)


def test_a_file_object_is_named_by_itself_and_must_be_open(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"nothing")
    with path.open("rb") as file, pytest.raises(DataError, match=f"^{path}: not audio"):
        list(of_held(file).blocks(8000))
    with pytest.raises(DataError, match=f"^{path}: the file object cannot be read: .*closed"):
        list(of_held(file).blocks(8000))
    with path.open("wb") as file, pytest.raises(DataError, match="cannot be read"):
        list(of_held(file).blocks(8000))


def test_no_copy_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = held_bytes("WAV", "PCM_16", np.stack([tone("ab"), -tone("ab")], axis=1))
    heard: list[str] = []
    list(of_held(content, "a.wav").blocks(8000, on_warning=heard.append))
    assert heard[0].startswith("a.wav: its 2 channels cancel each other")
    blocks = of_held(io.BytesIO(content)).blocks(8000)
    next(blocks)
    assert len(list(tmp_path.iterdir())) == 1
    blocks.close()
    with pytest.raises(DataError):
        list(of_held(io.BytesIO(b"nothing")).blocks(8000))
    assert list(tmp_path.iterdir()) == []
