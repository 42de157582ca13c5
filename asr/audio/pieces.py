"""Looking into a file, and a file made of pieces of another one, without a copy of either."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import BinaryIO, NamedTuple

from asr.errors import DataError

GLANCE = 4096  # bytes read at a place that is looked at once
WINDOW = 2**18  # bytes read where a file is gone through from front to end

Piece = bytes | range  # these bytes, or those of the file from start to stop


class Stream(NamedTuple):
    """What libsndfile is to read as one file."""

    pieces: list[Piece]
    skip: int = 0  # samples in front that are not the file's own
    num_samples: int | None = None  # that it holds without those, where they were counted
    is_guessed: bool = False  # libsndfile guesses that number, and is not asked


class Peek:
    """A file whose bytes can be looked at anywhere; it is read in windows, never whole.

    Args:
        file: open for reading.
        name: of it, for messages.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.size = file.seek(0, io.SEEK_END)
        self._start, self._window = 0, b""

    def at(self, start: int, length: int) -> bytes:
        """Returns `length` bytes from `start` on, or as many as there are."""
        if start >= self.size:
            return b""
        offset = start - self._start
        if not 0 <= offset <= len(self._window) - length:
            goes_on = 0 <= offset <= len(self._window) and self._window
            self.file.seek(start)
            self._window = self.file.read(max(length, WINDOW if goes_on else GLANCE))
            self._start, offset = start, 0
        return self._window[offset : offset + length]

    def refuse_another(self, position: int, magic: bytes) -> None:
        """Refuses a file in which a second one begins at a byte: its header counts the first."""
        if self.at(position, len(magic)) == magic:
            raise self.damaged(
                f"a second recording begins at byte {position}, which its header does not count",
                "must be one (copy it again, or give each recording a file of its own)",
            )

    def damaged(self, what: str, way_out: str = "must be whole (copy it again)") -> DataError:
        """Returns the error that says what of the file is missing or wrong."""
        return damaged(self.name, what, way_out)


class Joined(io.RawIOBase):
    """A file of pieces, one after the other.

    Args:
        file: that the ranges are of.
        pieces: bytes, and ranges of the file.
    """

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece]) -> None:
        self.file, self.pieces, self.position = file, pieces, 0
        self.ends = list(accumulate(map(len, pieces)))

    def readable(self) -> bool:
        """Returns that it can be read."""
        return True

    def seekable(self) -> bool:
        """Returns that any place can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Returns the new position."""
        self.position = offset + (0, self.position, self.ends[-1])[whence]
        return self.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Returns how many bytes were put into a buffer: as many as it holds, if there are."""
        view, done = memoryview(buffer).cast("B"), 0
        for piece, end in zip(self.pieces, self.ends, strict=True):
            if done == len(view) or self.position >= end:
                continue
            part = piece[self.position - end + len(piece) :][: len(view) - done]
            if isinstance(part, range):
                self.file.seek(part.start)
                part = self.file.read(len(part))
            view[done : done + len(part)] = part
            done, self.position = done + len(part), self.position + len(part)
        return done


def damaged(name: str, what: str, way_out: str = "must be whole (copy it again)") -> DataError:
    """Returns the error that says what of a file is missing or wrong."""
    return DataError(f"{name}: cut short or damaged: {what}; {way_out}")
