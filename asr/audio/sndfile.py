"""An audio file as libsndfile reads it: its samples, from any place on, all of them or an error.

libsndfile reads a stream; asr/audio/layout.py finds the streams of a file, which are read one after
the other. Where a decoder needs what came before, reading begins earlier, and that is left out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from asr.audio.pieces import Joined, Stream, damaged
from asr.errors import DataError

Source = str | Path | bytes  # a file, or what a file holds
Frames = npt.NDArray[np.float32]  # (N, channels), full scale 1

KINDS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "NIST")
UNKNOWN_LENGTH = 2**62  # libsndfile reports about this much for a stream without a length
SLOWEST_HZ, FASTEST_HZ = 1000, 768_000
MOST_SAMPLES_A_BYTE = 8192  # no codec here holds more; a header that says more is wrong
MOST_VALUES = 2**22  # in memory at once, of all channels together
ANYWHERE = ("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC", "IMA_ADPCM", "MS_ADPCM")
LEADS = {"MPEG": 64 * 1152, "VORBIS": 96_000, "OPUS": 96_000}  # samples that a place depends on
SHORTFALL = re.compile(r"^\s*(?:data|Data Size|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
UNFINISHED_BYTES = 0x7FFF_0000  # recorders that write to a pipe leave a size at least this large


class NotAudioError(DataError):
    """A file is nothing that libsndfile reads."""


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read on: soundfile seeks after every read, which damages mp3."""

    def seekable(self) -> bool:
        return False


class AudioFile:
    """A recording that is open: its streams, one after the other.

    Args:
        source: the file, or what it holds.
        name: of it, for messages.
        raw: the same, open.
        streams: of the file; None where the file is one as it stands.
    """

    def __init__(
        self, source: Source, name: str, raw: BinaryIO, *, streams: list[Stream] | None
    ) -> None:
        self._source, self.name, self._raw = source, name, raw
        self._streams: Sequence[Stream | None] = streams if streams else [None]
        self._first: _Forward | None = self._open(self._streams[0])  # kept until it is read
        first = self._first
        self.sample_rate, self.num_channels = int(first.samplerate), int(first.channels)
        self.format = f"{first.format} {first.subtype}"
        self._lead = _lead_of(str(first.subtype))
        self._first_frames = _own_frames(first, self._streams[0])
        self.notices: list[str] = []

    @property
    def seconds(self) -> float | None:
        """How long it lasts; None where the file does not say."""
        frames = self.count_frames()
        return None if frames is None else frames / self.sample_rate

    def count_frames(self) -> int | None:
        """Returns how many samples a channel holds; None where the file does not say."""
        total = self._first_frames
        for stream in self._streams[1:]:
            with self._open(stream) as file:
                total += _own_frames(file, stream)
        return total if total < UNKNOWN_LENGTH else None

    def blocks(self, size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Yields the samples from `start` to `stop`, or the end, at most `size` a block.

        Raises:
            DataError: there are fewer than the file says, or than are asked for.
        """
        size = max(1, min(size, MOST_VALUES // self.num_channels))
        position = 0  # of the stream, in the file
        for stream in self._streams:
            if stop is not None and position >= stop:
                return
            with self._open(stream) as file:
                frames, skip = _own_frames(file, stream), stream.skip if stream else 0
                first, last = max(0, start - position), frames
                if stop is not None:
                    last = min(frames, stop - position)
                if first < last:
                    yield from self._read(file, first + skip, last + skip, size=size)
                position += frames
        if stop is not None and position < stop:
            raise damaged(self.name, f"{stop} samples are asked for, it has {position}")

    def _read(self, file: _Forward, first: int, last: int, *, size: int) -> Iterator[Frames]:
        position = 0
        if first > self._lead:
            position = first - self._lead
            file.seek(position)
        elif first and not self._lead:
            position = first
            file.seek(first)
        while position < last:
            wanted = min(size, (last if position >= first else first) - position)
            block = self._next(file, wanted)
            if len(block) == 0:
                break
            if position >= first:
                yield block
            position += len(block)
        if position < last < UNKNOWN_LENGTH:
            promised = f"its header promises {int(file.frames)} samples, it has {position}"
            raise damaged(self.name, promised)

    def _next(self, file: _Forward, num_frames: int) -> Frames:
        try:
            block: Frames = file.read(num_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise damaged(self.name, "it cannot be decoded to its end") from error
        return block

    def _open(self, stream: Stream | None) -> _Forward:
        if getattr(self, "_first", None) is not None and stream is self._streams[0]:
            file, self._first = self._first, None
            assert file is not None
            return file
        try:
            if stream is not None:
                file = _Forward(Joined(self._raw, stream.pieces))
            elif isinstance(self._source, bytes):
                file = _Forward(io.BytesIO(self._source))
            else:
                file = _Forward(self._source)
        except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a name in .raw
            raise not_audio(self.name) from error
        try:
            self._check(file)
            self._check_length(file, stream)
        except DataError:
            file.close()
            raise
        return file

    def _check(self, file: _Forward) -> None:
        """Refuses a stream of an unknown kind, at an impossible rate, or unlike the rest."""
        if file.format not in KINDS:
            raise not_audio(self.name)
        rate, channels = int(file.samplerate), int(file.channels)
        if not SLOWEST_HZ <= rate <= FASTEST_HZ:
            raise DataError(
                f"{self.name}: its header says {rate} Hz; must be {SLOWEST_HZ} to {FASTEST_HZ} "
                "(copy or export it again)"
            )
        if (rate, channels) != (
            getattr(self, "sample_rate", rate),
            getattr(self, "num_channels", channels),
        ):
            raise DataError(
                f"{self.name}: has a part at {self.sample_rate} Hz ({self.num_channels} channels), "
                f"another at {rate} Hz ({channels}); all must be alike "
                f"(convert it: ffmpeg -i {self.name} converted.wav)"
            )

    def _check_length(self, file: _Forward, stream: Stream | None) -> None:
        """Refuses a stream of which libsndfile would not read all, or that cannot be so long."""
        frames = int(file.frames)
        for promised, there in SHORTFALL.findall(file.extra_info):
            if int(there) < int(promised) < UNFINISHED_BYTES:
                raise damaged(self.name, f"its header promises {promised} bytes, it has {there}")
        size = self._raw.seek(0, io.SEEK_END)
        if MOST_SAMPLES_A_BYTE * size < frames < UNKNOWN_LENGTH:
            raise damaged(
                self.name, f"its header promises {frames} samples, more than {size} bytes can hold"
            )
        counted = None if stream is None else stream.num_samples
        if counted is not None and counted != _own_frames(file, stream):
            raise damaged(
                self.name, f"{_own_frames(file, stream)} of {counted} samples can be read"
            )
        if frames == 0:
            raise DataError(
                f"{self.name}: holds no samples; there must be at least one (record it again)"
            )

    def close(self) -> None:
        """Closes what is open."""
        if self._first is not None:
            self._first.close()


def _lead_of(subtype: str) -> int:
    """Returns how many samples before a place to begin, so that decoding it is as from the start.

    Where that is not known, it is all of them. Opus would need all: begun midway, a decoder may
    differ by hundredths of full scale for seconds (findings/opus_seek.sh). Seconds of a lead make
    that rarer and smaller, and an hour's segments need not each be decoded from its beginning.
    """
    if subtype.startswith(ANYWHERE):
        return 0
    return next((lead for name, lead in LEADS.items() if subtype.startswith(name)), UNKNOWN_LENGTH)


def _own_frames(file: _Forward, stream: Stream | None) -> int:
    """Returns how many samples a channel of a stream holds, as libsndfile knows or we counted."""
    if stream and stream.is_guessed and stream.num_samples is not None:
        return stream.num_samples
    return int(file.frames) - (stream.skip if stream else 0)


def not_audio(name: str) -> NotAudioError:
    """Returns what is said of a file that is nothing libsndfile reads."""
    return NotAudioError(
        f"{name}: not audio that libsndfile reads; must be wav, flac, ogg, opus, mp3, aiff, au, "
        f"caf, w64 or sphere (convert it: ffmpeg -i {name} converted.wav)"
    )
