"""Audio that is held in memory or by a file object, read as a file is: in blocks of flat memory."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from typing_extensions import TypeIs

from asr.audio.files import Waveform, read_blocks
from asr.errors import DataError


class Readable(Protocol):
    """A file object of bytes: open(path, "rb"), io.BytesIO, a member of an archive, an upload."""

    def read(self, size: int = -1, /) -> bytes:
        """Returns the next bytes, at most so many; none at the end."""


Held = bytes | bytearray | memoryview | Readable  # what an audio file holds, or yields when read
FILE_NAME = "audio"  # of the copy on the disk; in messages it never appears


def is_held(source: object) -> TypeIs[Held]:
    """Returns whether something is bytes or a file object, and neither a path nor samples."""
    return isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read")


def read_held(
    source: Held,
    sample_rate: int,
    *,
    name: str | None = None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Iterator[Waveform]:
    """Yields the blocks (N,) that `read_blocks` yields for a file of these bytes.

    A file object is read from where it stands to its end, and stays open.

    Args:
        source: bytes, or a file object of bytes; it need not be able to seek.
        sample_rate: of the blocks in Hz.
        name: for messages; None: the file object's own name.
        on_warning: see `read_blocks`.

    Raises:
        DataError: as read_blocks; a file object that is closed, or gives text.
    """
    name = name or _own_name(source)
    folder = Path(tempfile.mkdtemp(prefix="asr-"))
    path = folder / FILE_NAME

    def named(message: str) -> str:
        return message.replace(str(path), name)

    try:
        _copy(source, path, name)
        yield from read_blocks(path, sample_rate, on_warning=lambda w: on_warning(named(w)))
    except DataError as error:
        raise DataError(named(str(error))) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_name(source: Held) -> str:
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "audio"


def _copy(source: Held, path: Path, name: str) -> None:
    file = io.BytesIO(source) if isinstance(source, (bytes, bytearray, memoryview)) else source
    try:
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, 2**18)
    except TypeError as error:
        raise DataError(
            f"{name}: the file object gives text; must give bytes (open it with mode 'rb')"
        ) from error
    except ValueError as error:  # closed
        raise DataError(f"{name}: the file object cannot be read: {error} (open it)") from error
    except OSError as error:
        raise DataError(
            f"{name}: cannot be copied to the disk to be read: {error.strerror or error} "
            "(make room where temporary files go, or set TMPDIR)"
        ) from error
    if path.stat().st_size == 0:
        raise DataError(
            f"{name}: no bytes from where it is read to its end; must be audio "
            "(a file object that was written to stands at its end: seek(0) first)"
        )
