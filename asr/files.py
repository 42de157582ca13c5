"""Files that are written whole or not at all.

What is written goes to a temporary name beside the file, is flushed to the disk and renamed, so
that a crash or a full disk leaves the file before as it was. Two writers of one file do not meet:
each has a temporary name of its own, and the later one's file stays.
"""

import contextlib
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from asr.errors import AsrError, ModelError

WAY_OUT = "free space or choose another --out, then run the same command again"
_LONGEST_STEM = 40  # characters of a file's name in its temporary one: names end at 255 bytes
_TEMPORARY = re.compile(r"\..*\.(\d+)-\d+\.tmp", re.DOTALL)
_numbers = itertools.count()


@contextmanager
def writing(
    path: Path, error: type[AsrError] = ModelError, *, way_out: str = WAY_OUT
) -> Iterator[None]:
    """Turns the operating system's refusal to write into one error that names the path.

    Args:
        path: what is written.
        error: which of the user's errors it becomes.
        way_out: what the user can do about it, the end of the sentence.
    """
    try:
        yield
    except OSError as refusal:
        raise error(
            f"{path}: cannot be written ({refusal.strerror or refusal}); what was there before is "
            f"untouched; {way_out}"
        ) from refusal


@contextmanager
def whole_file(
    path: Path,
    error: type[AsrError] = ModelError,
    *,
    way_out: str = WAY_OUT,
    durable: bool = True,
) -> Iterator[BinaryIO]:
    """Yields a file to write into, which takes its name when all is written; folders are made.

    Args:
        path: the name that it takes.
        error: see `writing`.
        way_out: see `writing`.
        durable: whether to wait until the disk has it; not worth it for one of a great many files
            that the next run looks through anyway.

    Raises:
        AsrError: of the kind asked for: it cannot be written, and the one before is untouched.
    """
    with writing(path, error, way_out=way_out):
        path.parent.mkdir(parents=True, exist_ok=True)
        stem = path.name[:_LONGEST_STEM]
        temporary = path.with_name(f".{stem}.{os.getpid()}-{next(_numbers)}.tmp")
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    if durable:
        _sync_folder(path.parent)


def write_file(
    path: Path,
    content: str | bytes | memoryview,
    error: type[AsrError] = ModelError,
    *,
    way_out: str = WAY_OUT,
) -> None:
    """Writes a file, text as UTF-8, whole or not at all; folders are made.

    Args:
        path: its name.
        content: all of it.
        error: see `writing`.
        way_out: see `writing`.

    Raises:
        AsrError: of the kind asked for: it cannot be written, and the one before is untouched.
    """
    with whole_file(path, error, way_out=way_out) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def check_free(out: Path) -> None:
    """Refuses a folder that holds anything.

    Raises:
        ModelError: it does, or is no folder.
    """
    if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out}: there is something already; use another --out")


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_unfinished(folder: Path) -> None:
    """Removes what writers that were killed left in a folder; only where nobody writes just now."""
    for path in folder.glob(".*.tmp"):
        named = _TEMPORARY.fullmatch(path.name)
        if named and not _is_running(int(named[1])):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_running(process: int) -> bool:
    """Returns whether there is such a process here; on Windows, where to ask is to kill, no."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return process != os.getpid()


def _sync_folder(folder: Path) -> None:
    """Waits until the disk has a folder's new names, where the system can say so.

    Windows cannot, nor can some network disks; the file's content is safe by then in any case.
    """
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
