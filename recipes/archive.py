"""Archives: unpacked beside the folder they make, and moved there when every member was allowed."""

import contextlib
import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from asr.errors import DataError

CHUNK_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20  # of one member: its name and all that a tar says of it
MAX_MEMBERS = 2_000_000
GZIP_START = b"\x1f\x8b"
DONE_NAME = ".completed"
SAY_EVERY = 5000  # members


class _MemberError(Exception):
    """An archive holds something that must not be unpacked."""


class _Unpacked(io.BufferedIOBase):
    """What a compressed file holds, of which tarfile may read no more than it is allowed.

    Else a header that says it is 300 MB long would be read into memory, however small the archive.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.file = file
        self.allowed = 0  # bytes that may still be read
        self.last = b""  # what was read last

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= self.allowed:
            raise _MemberError(
                f"holds a header of more than the {MAX_HEADER_BYTES} bytes allowed for one"
            )
        self.last = self.file.read(size)
        self.allowed -= len(self.last)
        return self.last

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def extract(
    archive: Path,
    folder: Path,
    say: Callable[[str], None],
    *,
    max_bytes: int,
    inside: str = ".",
) -> Path:
    """Returns `folder`, which then holds what a tar archive holds, and a file `.completed`.

    Only plain files and folders are unpacked. All goes into a temporary folder beside `folder`,
    which gets its name in one step, so a folder that exists is whole and is accepted as it is.
    What the archive holds beside `inside` (licences, lists of speakers) goes beside `folder`,
    where no such file is yet.

    Args:
        archive: a tar file, plain or packed by gzip.
        folder: what to make.
        say: called with each line of progress.
        max_bytes: the most that the archive may unpack to.
        inside: the folder of the archive that becomes `folder`; the whole archive by default.

    Raises:
        DataError: the archive is damaged, lacks `inside`, unpacks to more than `max_bytes` or too
            many members, or holds a link, a device, or a path that leaves the folder; or the disk
            is full.
    """
    if folder.exists():
        say(f"{folder} is there already")
        return folder
    with _told(archive, folder), _temporary(folder) as temporary:
        _unpack(archive, temporary, max_bytes=max_bytes, say=say)
        wanted = temporary / inside
        if not wanted.is_dir():
            raise _MemberError(f"holds no folder {inside}")
        (wanted / DONE_NAME).write_text(f"{archive.name}\n", encoding="utf-8")
        if wanted != temporary:
            _move_rest(wanted.parent, folder.parent)
        os.replace(wanted, folder)
    return folder


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Yields an empty folder beside `folder`, and removes it."""
    temporary = folder.with_name(f".{folder.name}.extracting")
    try:
        shutil.rmtree(temporary, ignore_errors=True)  # left by a run that was interrupted
        temporary.mkdir(parents=True)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _told(archive: Path, folder: Path) -> Iterator[None]:
    """Turns what can go wrong with an archive into one sentence of a DataError."""
    try:
        yield
    except _MemberError as error:
        raise DataError(
            f"{archive}: {error}; nothing was unpacked "
            "(delete the archive and fetch it from its publisher)"
        ) from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, RecursionError) as error:
        raise DataError(
            f"{archive}: damaged: {error}; nothing was unpacked (delete it and run again)"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{archive}: cannot be unpacked to {folder}: {error} "
            "(free some space or choose another folder)"
        ) from error


def _unpack(archive: Path, target: Path, *, max_bytes: int, say: Callable[[str], None]) -> None:
    """Writes every member under `target`; stops at the first that is not allowed."""
    num_bytes = 0
    with _open(archive) as file, _open_tar(reader := _Unpacked(file)) as tar:
        for number, member in enumerate(iter(tar.next, None), start=1):
            tar.members = []  # type: ignore[attr-defined]  # it would hold all headers
            destination = target / _safe_path(member)
            num_bytes += member.size
            if num_bytes > max_bytes:
                raise _MemberError(
                    f"unpacks to more than the {max_bytes} bytes allowed, at {member.name!r}"
                )
            if number > MAX_MEMBERS:
                raise _MemberError(f"has more than the {MAX_MEMBERS} members allowed")
            try:
                reader.allowed = member.size
                _write_member(tar, member, destination)
            except (FileExistsError, NotADirectoryError) as error:
                raise _MemberError(
                    f"member {member.name!r} comes twice, or lies in a member that is a file"
                ) from error
            reader.allowed = MAX_HEADER_BYTES
            if number % SAY_EVERY == 0:
                say(f"{archive.name}: {number} files unpacked")
        if len(reader.last) != tarfile.BLOCKSIZE or any(reader.last):
            raise tarfile.ReadError("cut short: its end is not marked by a block of zeros")
        _read_rest(file, max_bytes)


def _read_rest(file: io.BufferedIOBase, max_bytes: int) -> None:
    """Reads what lies behind a tar's end: padding, and a packed file's checksum of all before it.

    Raises:
        _MemberError: another archive, or more than an archive may hold.
    """
    num_bytes, allowed = 0, max(max_bytes, CHUNK_BYTES)
    while chunk := file.read(CHUNK_BYTES):
        num_bytes += len(chunk)
        if num_bytes > allowed:
            raise _MemberError(f"holds more than the {allowed} bytes allowed behind its end")
        for start in range(0, len(chunk), tarfile.BLOCKSIZE):
            block = chunk[start : start + tarfile.BLOCKSIZE]
            if any(block) and _is_header(block):
                raise _MemberError("holds a second archive behind its end, which would be lost")


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _open(archive: Path) -> io.BufferedIOBase:
    """Returns what the file holds, unpacked."""
    with open(archive, "rb") as file:
        is_packed = file.read(len(GZIP_START)) == GZIP_START
    return gzip.open(archive) if is_packed else open(archive, "rb")


def _open_tar(reader: _Unpacked) -> tarfile.TarFile:
    reader.allowed = MAX_HEADER_BYTES
    try:
        return tarfile.open(fileobj=reader, mode="r:")
    except tarfile.TarError as error:
        raise tarfile.ReadError(f"not a tar archive: {error}") from error


def _safe_path(member: tarfile.TarInfo) -> Path:
    """Returns where a member goes, relative to the folder.

    Raises:
        _MemberError: the member is no file or folder, or its path is absolute or climbs.
    """
    name = member.name
    path = PurePosixPath(name)
    if not (member.isreg() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "a device"
        raise _MemberError(f"member {name!r} is {kind}; only files and folders are allowed")
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise _MemberError(f"member {name!r} leaves the folder; paths must stay inside it")
    return Path(*path.parts)


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, destination: Path) -> None:
    """Makes a file or a folder.

    Raises:
        FileExistsError: there is another, or a file where its folder should be.
    """
    if member.isdir():
        destination.mkdir(parents=True, exist_ok=True)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    assert source is not None, "a plain file has content"
    with source, open(destination, "xb") as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)
        if file.tell() != member.size:
            raise tarfile.ReadError(f"member {member.name!r} ends early")


def _move_rest(source: Path, target: Path) -> None:
    """Moves the plain files of one folder to another, except those that it has."""
    for path in sorted(source.iterdir()):
        if path.is_file() and not (target / path.name).exists():
            os.replace(path, target / path.name)
