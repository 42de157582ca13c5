"""Samples without a header: what they are must be said, and libsndfile reads them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from asr.audio.sndfile import FASTEST_HZ, MOST_VALUES, SLOWEST_HZ
from asr.errors import ConfigError, DataError

Frames = npt.NDArray[np.float32]  # (N, channels), full scale 1

# FFmpeg's name of a coding -> libsndfile's, its byte order, and the bytes of a sample
CODINGS = {
    "s16le": ("PCM_16", "LITTLE", 2),
    "s16be": ("PCM_16", "BIG", 2),
    "s24le": ("PCM_24", "LITTLE", 3),
    "s24be": ("PCM_24", "BIG", 3),
    "s32le": ("PCM_32", "LITTLE", 4),
    "s32be": ("PCM_32", "BIG", 4),
    "s8": ("PCM_S8", "FILE", 1),
    "u8": ("PCM_U8", "FILE", 1),
    "f32le": ("FLOAT", "LITTLE", 4),
    "f32be": ("FLOAT", "BIG", 4),
    "f64le": ("DOUBLE", "LITTLE", 8),
    "f64be": ("DOUBLE", "BIG", 8),
    "alaw": ("ALAW", "FILE", 1),
    "mulaw": ("ULAW", "FILE", 1),
}
MARKS = {
    b"RIFF": "WAV", b"RF64": "WAV", b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"FORM": "AIFF",
    b".snd": "AU", b"caff": "CAF", b"NIST_1A": "SPHERE", b"\x1aE\xdf\xa3": "WebM", b"#!AMR": "AMR",
}  # fmt: skip


@dataclass(frozen=True)
class RawFormat:
    """What samples without a header are.

    Args:
        sample_rate: in Hz.
        coding: a name in CODINGS.
        num_channels: whose samples take turns.

    Raises:
        ConfigError: a rate, a coding or a number of channels that cannot be.
    """

    sample_rate: int
    coding: str = "s16le"
    num_channels: int = 1

    def __post_init__(self) -> None:
        if not SLOWEST_HZ <= self.sample_rate <= FASTEST_HZ:
            raise ConfigError(
                f"--raw {self.sample_rate}: must be a rate of {SLOWEST_HZ} to {FASTEST_HZ} Hz "
                "(16000, say)"
            )
        if self.coding not in CODINGS:
            raise ConfigError(
                f'--raw_format "{self.coding}": must be one of {", ".join(CODINGS)} (s16le is what '
                "most programs write)"
            )
        if not 1 <= self.num_channels <= 1024:
            raise ConfigError(f"--raw_channels {self.num_channels}: must be 1 to 1024")

    @property
    def frame_bytes(self) -> int:
        """How many bytes the samples of all channels at one time take."""
        return CODINGS[self.coding][2] * self.num_channels


class RawFile:
    """Samples without a header, from a file or, read only on, from a pipe.

    Args:
        raw: where they are.
        name: of it, for messages.
        form: what they are.

    Raises:
        DataError: a file with a header.
    """

    def __init__(self, raw: BinaryIO, name: str, form: RawFormat) -> None:
        self._raw, self.name, self._form = raw, name, form
        self.sample_rate, self.num_channels = form.sample_rate, form.num_channels
        self.format = f"RAW {form.coding}"
        self.notices: list[str] = []
        self._num_bytes = raw.seek(0, io.SEEK_END) if raw.seekable() else None
        self.seconds = None
        if self._num_bytes is not None:
            self.seconds = self._num_bytes / form.frame_bytes / form.sample_rate

    def count_frames(self) -> int | None:
        """Returns how many samples a channel holds; None for a pipe."""
        return None if self._num_bytes is None else self._num_bytes // self._form.frame_bytes

    def blocks(self, size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Yields the samples from `start` to `stop`, or the end, at most `size` a block.

        Raises:
            DataError: there are none, they end amid one, before `stop`, or begin with a header.
        """
        if self._raw.seekable():
            self._raw.seek(0)
        size = max(1, min(size, MOST_VALUES // self.num_channels))
        position = 0
        for block in self._all(size):
            first, last = max(0, start - position), len(block)
            if stop is not None:
                last = min(last, stop - position)
            if first < last:
                yield block[first:last]
            position += len(block)
            if stop is not None and position >= stop:
                return
        if position == 0:
            raise DataError(f"{self.name}: holds no samples; there must be at least one")
        if stop is not None:
            raise DataError(f"{self.name}: {stop} samples are asked for, it has {position}")

    def _all(self, size: int) -> Iterator[Frames]:
        """Yields all samples; a pipe hands over what it has, which may end amid a sample."""
        held, is_first = b"", True
        while data := self._raw.read(size * self._form.frame_bytes - len(held)):
            held += data
            if is_first and len(held) >= 8:
                self._check_headless(held)
                is_first = False
            whole = len(held) - len(held) % self._form.frame_bytes
            if whole:
                yield self._decode(held[:whole])
                held = held[whole:]
        if held:
            raise DataError(
                f"{self.name}: ends with {len(held)} of the {self._form.frame_bytes} bytes of a "
                f"sample; must be whole samples of {self._form.coding}, {self.num_channels} "
                "channels (check --raw_format and --raw_channels, or copy it again)"
            )

    def _check_headless(self, data: bytes) -> None:
        for mark, kind in MARKS.items():
            if data.startswith(mark):
                raise DataError(
                    f"{self.name}: begins as {kind} does; samples without a header must have none "
                    "(leave out --raw)"
                )

    def _decode(self, data: bytes) -> Frames:
        subtype, endian, _ = CODINGS[self._form.coding]
        samples: Frames
        samples, _ = soundfile.read(
            io.BytesIO(data), dtype="float32", always_2d=True, format="RAW", subtype=subtype,
            endian=endian, samplerate=self.sample_rate, channels=self.num_channels,
        )  # fmt: skip
        return samples

    def close(self) -> None:
        """Does nothing: the file is whoever's opened it."""
