import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio.raw_file import CODINGS, RawFormat
from asr.audio.recording import Recording
from asr.errors import ConfigError, DataError

RATE = 16000
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def heard(source: object, form: RawFormat, **more: object) -> np.ndarray:
    return np.concatenate([*Recording(source, raw=form, **more).blocks(form.sample_rate)])  # type: ignore[arg-type]


@pytest.mark.parametrize("coding", CODINGS)
def test_samples_of_every_coding_are_what_was_written(tmp_path: Path, coding: str) -> None:
    subtype, endian, _ = CODINGS[coding]
    path = tmp_path / "a.pcm"
    stereo = np.stack([TONE, -0.5 * TONE], axis=1)
    soundfile.write(path, stereo, RATE, format="RAW", subtype=subtype, endian=endian)
    form = RawFormat(RATE, coding, 2)
    assert heard(path, form, channel=2) == pytest.approx(-0.5 * TONE, abs=0.02)
    assert heard(path.read_bytes(), form) == pytest.approx(0.25 * TONE, abs=0.02)
    assert Recording(path, raw=form).seconds_and_channels() == (1.0, 2)
    assert len(heard(path, form, start_seconds=0.25, stop_seconds=0.75)) == 8000


def test_sixteen_bits_little_endian_mono_unless_said() -> None:
    data = np.array([1, -2, 32767], "<i2").tobytes()
    assert heard(data, RawFormat(8000)).tolist() == [1 / 32768, -2 / 32768, 32767 / 32768]


def test_a_pipe_is_read_as_it_comes_even_amid_a_sample() -> None:
    read, write = os.pipe()
    data = (TONE * 32767).astype("<i2").tobytes()

    def send() -> None:
        with os.fdopen(write, "wb", buffering=0) as pipe:
            for start in range(0, len(data), 777):
                pipe.write(data[start : start + 777])

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(read, "rb", buffering=0) as pipe:
        found = heard(pipe, RawFormat(RATE), name="-")
    sender.join()
    assert found == pytest.approx(TONE, abs=1e-4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc", r"x: ends with 1 of the 2 bytes of a sample; must be whole samples of s16le, 1"),
        (b"RIFF" + bytes(100), r"x: begins as WAV does; .*leave out --raw"),
        (b"\x1aE\xdf\xa3" + bytes(100), r"x: begins as WebM does"),
        (b"", r"x: empty \(0 bytes\)"),
    ],
)
def test_what_are_no_samples_is_said(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        heard(data, RawFormat(RATE), name="x")


def test_nothing_in_a_stream_is_said() -> None:
    with pytest.raises(DataError, match="x: holds no samples"):
        heard(io.BytesIO(), RawFormat(RATE), name="x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0,), "--raw 0: must be a rate of 1000 to 768000 Hz"),
        ((RATE, "mp3"), '--raw_format "mp3": must be one of s16le, '),
        ((RATE, "s8", 0), "--raw_channels 0: must be 1 to 1024"),
    ],
)
def test_what_samples_cannot_be_is_said(values: tuple[int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RawFormat(*values)
