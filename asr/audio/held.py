"""Audio that bytes or a file object hold, as people hand it over, made a recording."""

from __future__ import annotations

from typing import Protocol

from typing_extensions import TypeIs

from asr.audio.recording import Recording
from asr.errors import DataError


class Readable(Protocol):
    """A file object of bytes: open(path, "rb"), io.BytesIO, a member of an archive, an upload."""

    def read(self, size: int = -1, /) -> bytes:
        """Returns the next bytes, at most so many; none at the end."""


Held = bytes | bytearray | memoryview | Readable  # what an audio file holds, or yields when read


def is_held(source: object) -> TypeIs[Held]:
    """Returns whether something is bytes or a file object, and neither a path nor samples."""
    return isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read")


def of_held(source: Held, name: str | None = None) -> Recording:
    """Returns the recording that bytes or a file object hold.

    A file object is read once, from where it stands to its end, and stays open.

    Args:
        source: it need not be able to seek.
        name: for messages; None: the file object's own name.

    Raises:
        DataError: when it is read: as `Recording.blocks`; a file object is closed, or gives text.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Recording(bytes(source), name or "audio")
    own_name = getattr(source, "name", None)
    name = name or (own_name if isinstance(own_name, str) and own_name else "audio")
    return Recording(_Bytes(source, name), name)  # type: ignore[arg-type]


class _Bytes:
    """A file object whose faults are errors that say what to do."""

    def __init__(self, source: Readable, name: str) -> None:
        self._source, self.name = source, name

    def read(self, size: int = -1) -> bytes:
        try:
            found: object = self._source.read(size)
        except ValueError as error:  # closed
            raise DataError(
                f"{self.name}: the file object cannot be read: {error} (open it)"
            ) from error
        if not isinstance(found, bytes):
            raise DataError(
                f"{self.name}: the file object gives {type(found).__name__}; must give bytes "
                "(open it with mode 'rb')"
            )
        return found
