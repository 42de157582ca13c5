"""An audio file, opened, whoever reads it: libsndfile, FFmpeg's libraries, or samples as they are.

A path, bytes and a file object are opened by one function. Which reader takes a file is decided by
what it holds, never by its name.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from asr.audio.av_file import AVFile, Frames, NotForAVError, has_av
from asr.audio.kinds import GET_AV, READ_BY_AV, kind_of
from asr.audio.layout import find_streams
from asr.audio.pieces import Peek, Stream, damaged
from asr.audio.raw_file import RawFile, RawFormat
from asr.audio.sndfile import AudioFile, NotAudioError, Source
from asr.errors import DataError

Stamp = tuple[str, int, int]  # a file's path, size and time
MOST_KNOWN = 256  # a long recording is mostly read part after part
_KNOWN: dict[Stamp, list[Stream] | None] = {}  # the streams of files that are read in parts


class OpenAudio(Protocol):
    """A recording that is open; AudioFile, AVFile and RawFile say what each of these is."""

    name: str
    sample_rate: int
    num_channels: int
    format: str
    notices: list[str]

    @property
    def seconds(self) -> float | None:
        """How long it says that it lasts; None where it does not say."""

    def count_frames(self) -> int | None:
        """Returns how many samples a channel holds; None where it does not say."""

    def blocks(self, size: int, *, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Yields the samples from `start` to `stop`, or the end, at most `size` a block."""

    def close(self) -> None:
        """Closes what is open."""


@contextlib.contextmanager
def open_audio(
    source: Source | BinaryIO,
    *,
    to_read: bool,
    name: str | None = None,
    is_part: bool = False,
    raw: RawFormat | None = None,
) -> Iterator[OpenAudio]:
    """Yields a file that is open.

    Args:
        source: its path, what it holds, or a file object open for bytes, read from where it stands:
            it is copied to a temporary file first, but for samples without a header.
        to_read: its samples will be read: then all that takes a look at every byte is done, too.
        name: for messages; None: its path.
        is_part: not its first part: what was found of the file for another one will do.
        raw: what samples without a header are; None for a file that has one.

    Raises:
        DataError: missing, a folder, a pipe, empty, cut short, without samples, or not audio.
    """
    name = str(source) if name is None and isinstance(source, (str, Path)) else name or "audio"
    with contextlib.ExitStack() as stack:
        if not isinstance(source, (str, Path, bytes)):
            if raw is not None:
                yield RawFile(source, name, raw)
                return
            source = stack.enter_context(_copied(source, name))
        held = stack.enter_context(_raw(source, name))
        if raw is not None:
            yield RawFile(held, name, raw)
            return
        stamp = _stamp(source) if is_part else None
        file = _read_by_either(source, held, name, stamp=stamp, to_read=to_read)
        stack.callback(file.close)
        yield file


@contextlib.contextmanager
def _copied(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yields the path of a copy of what a file object holds: a reader must look back in it."""
    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        path = Path(folder) / "audio"
        try:
            with path.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 2**20)
        except OSError as error:
            raise DataError(
                f"{name}: cannot be copied to the disk to be read: {error.strerror or error} "
                "(make room where temporary files go, or set TMPDIR)"
            ) from error
        yield str(path)


def _read_by_either(
    source: Source, raw: BinaryIO, name: str, *, stamp: Stamp | None, to_read: bool
) -> AudioFile | AVFile:
    """Returns what libsndfile reads, and else what FFmpeg's libraries do."""
    try:
        streams = _streams(Peek(raw, name), stamp, to_read=to_read)
    except (OSError, OverflowError) as error:  # the disk fails, or a size is none at all
        raise damaged(name, f"it cannot be looked through ({error})") from error
    try:
        return AudioFile(source, name, raw, streams=streams)
    except NotAudioError as refusal:
        if has_av():
            with contextlib.suppress(NotForAVError):
                return AVFile(raw, name)
        if kind_of(Path(name)) in READ_BY_AV and has_av():
            raise DataError(
                f"{name}: neither libsndfile nor FFmpeg reads it; must be a whole recording "
                "(copy it again: an mp4 that was cut short lacks its index)"
            ) from refusal
        if kind_of(Path(name)) in READ_BY_AV:
            raise DataError(
                f"{name}: {kind_of(Path(name))} is read through PyAV, which is not installed "
                f"({GET_AV})"
            ) from refusal
        raise


def _streams(peek: Peek, stamp: Stamp | None, *, to_read: bool) -> list[Stream] | None:
    """Returns the streams of a file, which are kept if it has a stamp: finding them may be slow."""
    if stamp is None:
        return find_streams(peek, to_read=to_read)
    if stamp in _KNOWN:
        with contextlib.suppress(KeyError):  # another thread may have made room meanwhile
            return _KNOWN[stamp]
    found = find_streams(peek, to_read=to_read)
    if len(_KNOWN) >= MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[stamp] = found
    return found


def _stamp(source: Source) -> Stamp | None:
    """Returns what tells a file from another one and from itself after a change."""
    if isinstance(source, bytes):
        return None
    status = os.stat(source)
    return str(source), status.st_size, status.st_mtime_ns


def _raw(source: Source, name: str) -> BinaryIO:
    if isinstance(source, bytes):
        if not source:
            raise DataError(f"{name}: empty (0 bytes); must be audio (copy it again)")
        return io.BytesIO(source)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{name}: the name is not UTF-8; must be (rename the file)") from None
    try:
        status = os.stat(source)
    except (OSError, ValueError):
        raise DataError(f"{name}: no such file; must be an audio file (check the path)") from None
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{name}: is a folder; must be an audio file (name a file in it)")
    if not stat.S_ISREG(status.st_mode):
        raise DataError(
            f"{name}: is a pipe or a device; must be a file, to be looked into before it is read "
            f"(write it to one first: cat {name} > audio.wav)"
        )
    if not os.access(source, os.R_OK):
        raise DataError(f"{name}: no permission; must be readable (chmod +r {name})")
    if status.st_size == 0:
        raise DataError(f"{name}: empty (0 bytes); must be an audio file (copy it again)")
    return open(source, "rb", buffering=0)
