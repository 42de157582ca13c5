"""Recordings that FFmpeg's libraries read, made with the same libraries."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.audio import opened
from asr.audio.files import audio_info, read_audio
from asr.audio.recording import Recording
from asr.errors import DataError

av = pytest.importorskip("av", reason="PyAV is not installed: pip install '.[av]'")

RATE = 16000
KINDS: dict[str, dict[str, Any]] = {
    "a.m4a": {"coding": "aac"},
    "a.mp4": {"coding": "aac", "video": True},
    "a.mov": {"coding": "alac"},
    "a.webm": {"coding": "libopus", "rate": 48000},
    "a.mkv": {"coding": "aac", "channels": 2, "video": True},
    "a.aac": {"coding": "aac", "form": "adts"},
    "a.amr": {"coding": "libopencore_amrnb", "rate": 8000},
    "a.3gp": {"coding": "libopencore_amrnb", "rate": 8000},
    "a.wma": {"coding": "wmav2", "form": "asf", "rate": 44100, "channels": 2},
    "a.avi": {"coding": "aac", "rate": 44100, "video": True},
    "a.flv": {"coding": "aac", "rate": 44100},
    "a.ts": {"coding": "aac", "form": "mpegts"},
    "a.ac3": {"coding": "ac3", "rate": 48000},
    "a.wv": {"coding": "wavpack", "rate": 44100},
    "g722.wav": {"coding": "g722"},
}


# These hold frames one after the other, no length, and nothing that says they are over.
NEVER_WHOLE = {"a.ac3", "g722.wav", "a.ts"}


def sound(rate: int, seconds: float = 3.0) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * times) * (times > 1)).astype(np.float32)


def make(
    path: Path, *, coding: str, rate: int = RATE, channels: int = 1, form: str | None = None,
    video: bool = False, options: dict[str, str] | None = None, shift: float = 0.0,
) -> Path:  # fmt: skip
    """Writes 3 s, of which the first is silent; after half of it `shift` s are left out."""
    if coding not in av.codecs_available:
        pytest.skip(f"PyAV {av.__version__} writes no {coding}")
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w", format=form, container_options=options or {}) as out:
        track = out.add_stream(coding, rate=rate, layout=layout)
        if channels == 2:
            track.bit_rate = 64000
        if video:
            picture = out.add_stream("mpeg4", rate=10)
            picture.width = picture.height = 64
            picture.pix_fmt = "yuv420p"
            black = np.zeros((64, 64, 3), np.uint8)
            for _ in range(30):
                out.mux(picture.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
            out.mux(picture.encode(None))
        samples = np.stack([sound(rate)] * channels)
        half = samples.shape[1] // 2
        for first, part in ((0, samples[:, :half]), (half, samples[:, half:])):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), "fltp", layout)
            frame.sample_rate, frame.pts = rate, first + (round(shift * rate) if first else 0)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return path


@pytest.mark.parametrize("name", KINDS)
def test_what_ffmpeg_reads_is_heard_at_its_times_however_it_is_given(
    tmp_path: Path, name: str
) -> None:
    path = make(tmp_path / name, **KINDS[name])
    heard = read_audio(path, RATE)
    assert len(heard) / RATE == pytest.approx(3.0, abs=0.1)
    loud = np.flatnonzero(np.abs(heard) > 0.1)
    assert loud[0] / RATE == pytest.approx(1.0, abs=0.1)
    assert 0.2 < np.abs(heard).max() < 0.4
    content = path.read_bytes()
    for given in (content, io.BytesIO(content)):
        assert np.array_equal(np.concatenate([*Recording(given).blocks(RATE)]), heard)
    with opened.open_audio(path, to_read=False):
        pass
    info = audio_info(path)
    assert info.num_frames == pytest.approx(len(heard) * info.sample_rate / RATE, abs=2)
    part = np.concatenate([*Recording(path, start_seconds=1.5, stop_seconds=2.0).blocks(RATE)])
    assert len(part) == 8000
    assert np.abs(part).min() < 0.01 < 0.2 < np.abs(part).max()


def test_two_like_channels_are_as_loud_as_one(tmp_path: Path) -> None:
    # FFmpeg's own mono is 3 dB louder in floating point (PyAV 18.1.0, findings/mono_level.sh).
    one, both = (
        read_audio(make(tmp_path / f"{channels}.mov", coding="alac", channels=channels), RATE)
        for channels in (1, 2)
    )
    assert np.abs(both).max() == pytest.approx(0.3, abs=0.001)
    assert np.allclose(one, both, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in NEVER_WHOLE])
def test_what_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, **KINDS[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3 + 5])
    with pytest.raises(DataError, match=r"cut short or damaged|neither libsndfile nor FFmpeg"):
        read_audio(path, RATE)


def test_time_that_a_file_leaves_out_is_silence_and_is_said(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", coding="aac", shift=2.0)
    said: list[str] = []
    heard = np.concatenate([*Recording(path).blocks(RATE, on_warning=said.append)])
    assert len(heard) / RATE == pytest.approx(5.0, abs=0.1)
    assert np.abs(heard[round(1.7 * RATE) : round(3.3 * RATE)]).max() < 0.01
    assert len(said) == 1
    assert "leaves out 2.0 s, which are heard as silence" in said[0]


def test_video_without_sound_is_said(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        picture = out.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
    with pytest.raises(DataError, match=r"a\.mp4: has no track of sound"):
        read_audio(tmp_path / "a.mp4", RATE)


@pytest.mark.parametrize("kind", ["text", "noise", "zeros", "playlist", "concat"])
def test_what_is_no_recording_is_not_guessed_to_be_one(tmp_path: Path, kind: str) -> None:
    # FFmpeg 8.1.2 (PyAV 18.1.0) alone reads this text as 42 s of AMR, and opens what concat names.
    soundfile.write(tmp_path / "a.wav", sound(RATE), RATE)
    content = {
        "text": b"some words, no audio\n" * 1000,
        "noise": random.Random(0).randbytes(100_000),
        "zeros": bytes(100_000),
        "playlist": b"#EXTM3U\n#EXTINF:3,\na.wav\n#EXT-X-ENDLIST\n",
        "concat": b"ffconcat version 1.0\nfile a.wav\n",
    }[kind]
    for name in ("x.m4a", "x.bin"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"neither libsndfile nor FFmpeg|not audio that"):
            read_audio(tmp_path / name, RATE)


def test_without_pyav_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.m4a", coding="aac")
    monkeypatch.setattr(opened, "has_av", lambda: False)
    with pytest.raises(DataError, match=r"a\.m4a: \.m4a is read through PyAV, which is not .*\[av"):
        read_audio(path, RATE)
    path.rename(tmp_path / "a.wav")
    with pytest.raises(DataError, match="not audio that libsndfile reads"):
        read_audio(tmp_path / "a.wav", RATE)
