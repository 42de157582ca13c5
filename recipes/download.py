"""Files from the network: fetched in several attempts if need be, checked before they are used."""

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from asr.errors import DataError
from asr.recipes.archive import extract

__all__ = ["extract", "fetch", "md5_of"]

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
ROUNDS = 3  # how often the whole list of mirrors is tried
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


class _TransferError(Exception):
    """One attempt at one mirror failed; what has arrived may be kept."""


class _DamagedError(_TransferError):
    """What has arrived is not the file, and has been deleted."""


def fetch(
    urls: Sequence[str], path: Path, *, size: int, md5: str | None, say: Callable[[str], None]
) -> Path:
    """Returns `path`, which then holds the whole file, with the right size and checksum.

    What has arrived is kept in `path.part`, so that a later call goes on from there. The mirrors
    are tried in turn, each from where the one before it broke off.

    Args:
        urls: the same file on several servers, best first.
        path: where it goes; a right file that is there already is accepted.
        size: of the file, in bytes.
        md5: of the file, as 32 hexadecimal digits; None where its publisher names none, so that
            the size alone is checked.
        say: called with each line of progress.

    Raises:
        DataError: no mirror gives the file, its checksum is wrong, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _accept(path, size=size, md5=md5)
            return path
        _refuse_full_disk(path, size)
        part = path.with_name(path.name + ".part")
        _gather(urls, part, size=size, md5=md5, say=say)
        os.replace(part, path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error} "
            "(free some space or choose another folder)"
        ) from error
    return path


def _accept(path: Path, *, size: int, md5: str | None) -> None:
    """Raises DataError unless the file that is there is the published one."""
    found_size = path.stat().st_size
    if found_size != size:
        raise DataError(
            f"{path}: {found_size} bytes; the published file has {size} (delete it and run again)"
        )
    found = None if md5 is None else md5_of(path)
    if found != md5:
        raise DataError(
            f"{path}: md5 is {found}; the published file has {md5} (delete it and run again)"
        )


def _refuse_full_disk(path: Path, size: int) -> None:
    """Raises DataError if the rest of the file cannot fit."""
    part = path.with_name(path.name + ".part")
    missing = size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if missing > free:
        raise DataError(
            f"{path}: {_megabytes(missing)} are still to come and the disk has {_megabytes(free)} "
            "free (free some space or choose another folder)"
        )


def _gather(
    urls: Sequence[str], part: Path, *, size: int, md5: str | None, say: Callable[[str], None]
) -> None:
    """Fills `part` with the right bytes, from whichever mirrors give them."""
    name = part.name.removesuffix(".part")
    failure = "no address is known"
    damaged: set[str] = set()
    for url in [url for _ in range(ROUNDS) for url in urls]:
        if url in damaged:
            continue
        try:
            _transfer(url, part, size=size, say=say)
            _check_sum(part, size=size, md5=md5)
            return
        except _DamagedError as error:
            damaged.add(url)
            failure = f"{error}, from {url}"
        except _TransferError as error:
            failure = f"{error}, from {url}"
        say(f"{name}: {failure}")
    kept = part.stat().st_size if part.exists() else 0
    state = f"{kept} of {size} bytes are kept" if kept else "nothing is kept"
    raise DataError(
        f"{name}: could not be fetched: {failure}; {state} "
        f"(run again, or put the file at {part.with_name(name)} yourself)"
    )


def _check_sum(part: Path, *, size: int, md5: str | None) -> None:
    """Raises _TransferError if bytes are missing, _DamagedError if they are wrong."""
    found_size = part.stat().st_size
    if found_size < size:
        raise _TransferError(f"broke off after {found_size} of {size} bytes")
    found = None if md5 is None else md5_of(part)
    if found != md5:
        part.unlink()
        raise _DamagedError(f"md5 is {found} where {md5} is published, so it was deleted")


def _transfer(url: str, part: Path, *, size: int, say: Callable[[str], None]) -> None:
    """Appends to `part` what it lacks, or starts it again if the server cannot go on."""
    start = part.stat().st_size if part.exists() else 0
    if start > size:
        part.unlink()
        start = 0
    if start == size:
        return
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        ) as response:
            if start and not _continues(response, start):
                start = 0
            _copy(response, part, start=start, size=size, say=say)
    except urllib.error.HTTPError as error:
        with error:  # the answer's body is a file of its own
            if error.code == RANGE_NOT_SATISFIABLE:
                part.unlink()
        raise _TransferError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _TransferError(f"no connection: {error.reason}") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _TransferError(f"no answer: {error}") from error


def _continues(response: http.client.HTTPResponse, start: int) -> bool:
    """Returns whether the server sends the bytes from `start` on, and not the whole file."""
    sent = response.headers.get("Content-Range", "")
    return response.status == PARTIAL_CONTENT and sent.startswith(f"bytes {start}-")


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    *,
    start: int,
    size: int,
    say: Callable[[str], None],
) -> None:
    """Writes the answer into `part` from byte `start` on, and says each twentieth of the file."""
    name = part.name.removesuffix(".part")
    done, step = start, max(size // 20, 1)
    with open(part, "ab" if start else "wb") as file:
        while chunk := _read(response):
            if done + len(chunk) > size:
                file.truncate(0)
                raise _DamagedError(f"the server sends more than the published {size} bytes")
            file.write(chunk)
            if (done + len(chunk)) // step > done // step:
                say(f"{name}: {_megabytes(done + len(chunk))} of {_megabytes(size)}")
            done += len(chunk)


def _read(response: http.client.HTTPResponse) -> bytes:
    """Returns the next bytes of the answer, so that broken connections differ from full disks."""
    try:
        return response.read(CHUNK_BYTES)
    except (http.client.HTTPException, OSError) as error:
        raise _TransferError(f"the connection broke: {error}") from error


def md5_of(path: Path) -> str:
    """Returns a file's md5 as 32 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
