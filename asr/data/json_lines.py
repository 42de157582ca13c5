"""The lines of a manifest, plain or packed by gzip: all of them, or an error."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from asr.errors import DataError

BLOCK_BYTES = 1 << 20
MOST_BYTES = 1 << 26  # of a line; a small archive may unpack to one that fills the memory
GZIP_START = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_json_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yields each line that is not blank, and its number, from 1 on.

    An archive is read to its end, where its checksum is: what was yielded before an error must
    not be used.

    Raises:
        DataError: the file is missing, cannot be read, is damaged, or has a line of 64 MiB.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such manifest; make it with asr prepare")
    try:
        for number, line in enumerate(_lines(path), start=1):
            if line and not line.isspace():
                yield number, line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: cut short or damaged ({error}); copy it again, or make it again with asr "
            "prepare"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _lines(path: Path) -> Iterator[bytes]:
    rest = b""
    with open(path, "rb") as stored:
        is_packed = stored.read(len(GZIP_START)) == GZIP_START
        stored.seek(0)
        with gzip.GzipFile(fileobj=stored) if is_packed else stored as file:
            mark = file.read(len(BYTE_ORDER_MARK))
            rest = b"" if mark == BYTE_ORDER_MARK else mark
            while block := file.read(BLOCK_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                yield from lines
                if len(rest) > MOST_BYTES:
                    raise DataError(
                        f"{path}: a line of more than {MOST_BYTES:,} bytes; a manifest has a cut "
                        "a line (make it again with asr prepare)"
                    )
    yield rest
