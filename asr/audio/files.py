"""Audio of any kind as mono float32 at one rate, in blocks of flat memory.

file -> opened (asr/audio/opened.py) -> mean of the channels -> resampler (asr/audio/recording.py)

A whole file is its blocks joined, so both ways to read run the same lines. A file that is cut
short, damaged or without samples is an error. asr/audio/speech.py finds the speech in the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.audio.channels import levels_of
from asr.audio.opened import open_audio
from asr.audio.recording import Recording, check_finite
from asr.audio.resampling import resample
from asr.audio.sndfile import FASTEST_HZ, Source
from asr.errors import DataError, in_short

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate: int
    num_channels: int
    num_frames: int
    seconds: float
    format: str


class Part(NamedTuple):
    """Samples of a file, as they stand in it."""

    channels: npt.NDArray[np.float32]  # (C, N), full scale 1
    sample_rate: int


def audio_info(path: str | Path) -> AudioInfo:
    """Returns rate (Hz), channels, length (samples a channel, and seconds) and format of a file.

    Raises:
        DataError: missing, a folder, a pipe, empty, cut short, without samples, or not audio.
    """
    with open_audio(path, to_read=False) as file:
        num_frames = file.count_frames()
        if num_frames is None:
            raise DataError(
                f"{path}: does not say how long it is; must be a finished file "
                f"(write it anew: ffmpeg -i {path} finished.wav)"
            )
        seconds = num_frames / file.sample_rate
        return AudioInfo(file.sample_rate, file.num_channels, num_frames, seconds, file.format)


def read_audio(path: str | Path, sample_rate: int) -> Waveform:
    """Returns a whole file: (N,), float32, the mean of its channels, resampled to sample_rate (Hz).

    Raises:
        DataError: as audio_info and read_blocks.
    """
    return np.concatenate(list(read_blocks(path, sample_rate)))


def read_blocks(
    path: str | Path,
    sample_rate: int,
    *,
    block_seconds: float = 30.0,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Iterator[Waveform]:
    """Returns a file's blocks (N,) of about block_seconds; joined they are read_audio's.

    Memory does not grow with the length of the file. At its end on_warning hears of channels that
    are silent or cancel each other.

    Raises:
        DataError: as audio_info; NaN or infinite samples; fewer samples than the header promises.
    """
    return Recording(path).blocks(sample_rate, block_seconds=block_seconds, on_warning=on_warning)


def read_part(source: Source, start: int, stop: int | None, *, name: str) -> Part:
    """Returns the samples from start to stop, or the end, of a file or of what a file holds.

    They are the same as those of the whole file, wherever reading them begins.

    Raises:
        DataError: as audio_info; the file ends earlier, or holds fewer samples than it promises.
    """
    with open_audio(source, to_read=start == 0, name=name, is_part=start > 0) as file:
        size = 2**20 if stop is None else stop - start
        blocks = list(file.blocks(size, start=start, stop=stop))
        samples = np.concatenate(blocks) if blocks else np.zeros((0, file.num_channels), np.float32)
        return Part(samples.T, file.sample_rate)


def check_waveform(
    waveform: npt.ArrayLike,
    sample_rate: int,
    *,
    to_rate: int | None = None,
    name: str = "waveform",
    on_warning: Callable[[str], None] = lambda _: None,
) -> Waveform:
    """Returns an array of samples as (N,) float32 mono, resampled where to_rate (Hz) says so.

    waveform is (N,) or (N, channels): floats of full scale 1, or 8-, 16- or 32-bit integers.
    on_warning hears of channels that are silent or cancel each other.

    Raises:
        DataError: another shape or type, no samples, NaN or infinite samples, an impossible rate.
    """
    if not 0 < sample_rate <= FASTEST_HZ:  # nor NaN
        said = f"must be > 0 and at most {FASTEST_HZ} (pass the real rate)"
        raise DataError(f"{name}: sample_rate {sample_rate} Hz; {said}")
    try:
        array = np.asarray(waveform)
    except (TypeError, ValueError, RuntimeError) as error:  # tensors of many kinds
        said = f"cannot be read as an array ({in_short(error)}); pass a float32 array"
        raise DataError(f"{name}: {said}") from None
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > array.shape[0]):
        raise DataError(
            f"{name}: shape {array.shape}; must be (samples,) or (samples, channels) (transpose it)"
        )
    if array.size == 0:
        raise DataError(f"{name}: holds no samples; there must be at least one (record it again)")
    samples = _to_float32(array, name)
    check_finite(samples, name, sample_rate, start=0)
    mono = samples
    if samples.ndim == 2:
        mono = samples.mean(axis=1)
        for warning in levels_of([samples]).problems():
            on_warning(f"{name}: {warning}")
    return mono if to_rate is None else resample(mono, sample_rate, to_rate)


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
