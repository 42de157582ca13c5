"""Audio of any kind as mono float32 at one rate, in blocks of flat memory.

file -> libsndfile -> mean of the channels -> streaming resampler -> blocks

A whole file is its blocks joined, so both ways to read run the same lines. A file that is cut
short, damaged or without samples is an error. asr/audio/speech.py finds the speech in the blocks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from asr.errors import DataError

Waveform = npt.NDArray[np.float32]

UNKNOWN_LENGTH = 2**62  # libsndfile reports about this much for a stream without a length
UNFINISHED_BYTES = 0x7FFF_0000  # recorders that write to a pipe leave a size at least this large
HEAD_BYTES = 4096  # of an mp3 file, in which its first frame is
LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")  # beside them the first frame says how many follow
SHORTFALL = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate: int
    num_channels: int
    num_frames: int
    seconds: float
    format: str


def audio_info(path: str | Path) -> AudioInfo:
    """Returns rate (Hz), channels, length (samples a channel, and seconds) and format of a file.

    Raises:
        DataError: missing, a folder, empty, cut short, without samples, or not audio.
    """
    with _open(path) as file:
        if file.frames >= UNKNOWN_LENGTH:
            raise DataError(
                f"{path}: does not say how long it is; must be a finished file "
                f"(write it anew: ffmpeg -i {path} finished.wav)"
            )
        rate, num_frames = int(file.samplerate), int(file.frames)
        if _guesses_length(path, file):
            num_frames = sum(len(block) for block in _raw_blocks(path, file, 30 * rate))
        name = f"{file.format} {file.subtype}"
        return AudioInfo(rate, int(file.channels), num_frames, num_frames / rate, name)


def check_readable(path: str | Path) -> None:
    """Returns None if a file opens as audio; its samples are checked when they are read.

    Raises:
        DataError: as audio_info.
    """
    with _open(path):
        pass


def read_audio(path: str | Path, sample_rate: int) -> Waveform:
    """Returns a whole file: (N,), float32, the mean of its channels, resampled to sample_rate (Hz).

    Raises:
        DataError: as audio_info and read_blocks.
    """
    return np.concatenate(list(read_blocks(path, sample_rate)))


def read_blocks(
    path: str | Path, sample_rate: int, *, block_seconds: float = 30.0
) -> Iterator[Waveform]:
    """Yields a file in blocks (N,) of about block_seconds; joined they are what read_audio returns.

    Memory does not grow with the length of the file.
    Limit: libsndfile may end a variable-bitrate mp3 without a Xing header early, with no error.

    Raises:
        DataError: as audio_info; NaN or infinite samples; fewer samples than the header promises.
    """
    with _open(path) as file:
        rate = int(file.samplerate)
        resampler = None
        if rate != sample_rate:
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
        num_read = 0
        for raw in _raw_blocks(path, file, max(1, round(block_seconds * rate))):
            _check_finite(raw, str(path), rate, start=num_read)
            num_read += len(raw)
            block = raw.mean(axis=1)  # (N, channels) -> (N,)
            yield block if resampler is None else resampler.resample_chunk(block)
        if num_read < file.frames < UNKNOWN_LENGTH and not _guesses_length(path, file):
            raise _truncated(path, f"its header promises {file.frames} samples, it has {num_read}")
        if resampler is not None:
            yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def check_waveform(
    waveform: npt.ArrayLike, sample_rate: int, *, to_rate: int | None = None, name: str = "waveform"
) -> Waveform:
    """Returns an array of samples as (N,) float32 mono, resampled where to_rate (Hz) says so.

    waveform is (N,) or (N, channels): floats of full scale 1, or 8-, 16- or 32-bit integers.

    Raises:
        DataError: another shape or type, no samples, NaN or infinite samples, an impossible rate.
    """
    if sample_rate <= 0:
        raise DataError(f"{name}: sample_rate {sample_rate} Hz; must be > 0 (pass the real rate)")
    array = np.asarray(waveform)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > array.shape[0]):
        raise DataError(
            f"{name}: shape {array.shape}; must be (samples,) or (samples, channels) (transpose it)"
        )
    if array.size == 0:
        raise DataError(f"{name}: holds no samples; there must be at least one (record it again)")
    samples = _to_float32(array, name)
    _check_finite(samples, name, sample_rate, start=0)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    if to_rate is None or to_rate == sample_rate:
        return mono
    resampled: Waveform = soxr.resample(mono, sample_rate, to_rate)
    return resampled


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read on: soundfile seeks after every read, which damages mp3."""

    def seekable(self) -> bool:
        return False


@contextmanager
def _open(path: str | Path) -> Iterator[_Forward]:
    path = Path(path)
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{path}: the name is not UTF-8; must be (rename the file)") from None
    if not os.path.exists(path):  # unlike Path.exists, False in a folder that may not be entered
        raise DataError(f"{path}: no such file; must be an audio file (check the path)")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; must be an audio file (name a file in it)")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: no permission; must be readable (chmod +r {path})")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: empty (0 bytes); must be an audio file (copy it again)")
    try:
        file = _Forward(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name ending in .raw
        raise DataError(
            f"{path}: not audio that libsndfile reads; must be wav, flac, ogg, opus or mp3 "
            f"(convert it: ffmpeg -i {path} converted.wav)"
        ) from error
    with file:
        _check_length(path, file)
        yield file


def _check_length(path: Path, file: _Forward) -> None:
    """Refuses a file that the header shows to be cut short, unfinished or without samples."""
    log = file.extra_info
    for promised, there in SHORTFALL.findall(log):
        if int(there) < int(promised) < UNFINISHED_BYTES:
            raise _truncated(path, f"its header promises {promised} bytes, it has {there}")
    if "lacks an end-of-stream" in log:
        raise _truncated(path, "its last Ogg page is missing")
    if file.frames == 0:
        raise DataError(f"{path}: holds no samples; there must be at least one (record it again)")


def _guesses_length(path: str | Path, file: _Forward) -> bool:
    """Returns whether libsndfile took a length from the first frame: an mp3 may not say its own."""
    if file.format != "MP3" and not str(file.subtype).startswith("MPEG"):
        return False
    with open(path, "rb") as raw:
        head = raw.read(HEAD_BYTES)
    return not any(tag in head for tag in LENGTH_TAGS)


def _raw_blocks(path: str | Path, file: _Forward, num_frames: int) -> Iterator[Waveform]:
    while True:
        try:
            raw: Waveform = file.read(num_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _truncated(path, "it cannot be decoded to its end") from error
        if len(raw) == 0:
            return
        yield raw


def _truncated(path: str | Path, what: str) -> DataError:
    return DataError(f"{path}: cut short or damaged: {what}; must be whole (copy it again)")


def _check_finite(samples: Waveform, name: str, sample_rate: int, *, start: int) -> None:
    finite = np.isfinite(samples)
    if not finite.all():
        position = start + int(np.argwhere(~finite)[0][0])
        raise DataError(
            f"{name}: NaN or infinite sample at {position / sample_rate:.3f} s; "
            "every sample must be a number (export it again)"
        )


def _to_float32(array: npt.NDArray[np.generic], name: str) -> Waveform:
    if np.issubdtype(array.dtype, np.floating):
        return array.astype(np.float32)
    if array.dtype == np.uint8:
        return ((array.astype(np.float32) - 128.0) / 128.0).astype(np.float32)
    if array.dtype in (np.int8, np.int16, np.int32):
        scale = float(np.iinfo(array.dtype).max) + 1.0  # type: ignore[type-var]
        return (array.astype(np.float64) / scale).astype(np.float32)
    raise DataError(
        f"{name}: type {array.dtype}; must be float or 8-, 16- or 32-bit integer "
        "(divide by full scale: float32)"
    )
