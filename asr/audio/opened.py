"""An audio file, opened: what it is, and that it is one at all before anything reads it."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from asr.audio.layout import find_streams
from asr.audio.pieces import Peek, Stream, damaged
from asr.audio.sndfile import AudioFile, Source
from asr.errors import DataError

Stamp = tuple[str, int, int]  # a file's path, size and time
MOST_KNOWN = 256  # a long recording is mostly read part after part
_KNOWN: dict[Stamp, list[Stream] | None] = {}  # the streams of files that are read in parts


@contextlib.contextmanager
def open_audio(
    source: Source, *, to_read: bool, name: str | None = None, is_part: bool = False
) -> Iterator[AudioFile]:
    """Yields a file that is open.

    Args:
        source: its path, or what it holds.
        to_read: its samples will be read: then all that takes a look at every byte is done, too.
        name: for messages; None: its path.
        is_part: not its first part: what was found of the file for another one will do.

    Raises:
        DataError: missing, a folder, a pipe, empty, cut short, without samples, or not audio.
    """
    name = str(source) if name is None and not isinstance(source, bytes) else name or "audio"
    with _raw(source, name) as raw:
        stamp = _stamp(source) if is_part else None
        try:
            streams = _streams(Peek(raw, name), stamp, to_read=to_read)
        except (OSError, OverflowError) as error:  # the disk fails, or a size is none at all
            raise damaged(name, f"it cannot be looked through ({error})") from error
        file = AudioFile(source, name, raw, streams=streams)
        try:
            yield file
        finally:
            file.close()


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
