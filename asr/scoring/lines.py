"""The lines of a file of transcripts, and ids that come once."""

import gzip
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from asr.data.json_lines import GZIP_START
from asr.errors import DataError

MANIFEST = ".jsonl.gz"  # as asr prepare writes them
_PACKED = {
    GZIP_START: ("packed with gzip", "unpack it with gunzip"),
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "unpack or export it"),
    b"BZh": ("packed with bzip2", "unpack it with bunzip2"),
    b"\xfd7zXZ": ("packed with xz", "unpack it with unxz"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it with unzstd"),
    b"\xff\xfe": ("UTF-16", "iconv -f UTF-16 -t UTF-8 converts it"),
    b"\xfe\xff": ("UTF-16", "iconv -f UTF-16 -t UTF-8 converts it"),
}


class Line(NamedTuple):
    """A line that is not blank, without blanks at its ends, and where it stands."""

    where: str  # "PATH line N"
    text: str


def read_lines(path: Path) -> Iterator[Line]:
    """Yields each line that is not blank; lines end as on Unix, on Windows or on old Macs.

    Raises:
        DataError: the file cannot be read or is not UTF-8 text.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); name a file of transcripts"
        ) from error
    if Path(path).name.lower().endswith(MANIFEST) and data.startswith(GZIP_START):
        data = _unpacked(path, data)
    for start, (kind, way_out) in _PACKED.items():
        if data.startswith(start):
            raise DataError(f"{path}: is {kind}; must be UTF-8 text ({way_out})")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} line {number}: byte 0x{data[error.start]:02x} is not UTF-8; must be UTF-8"
            " text (convert the file, for example with iconv)"
        ) from error
    if "\0" in text:
        raise DataError(
            f"{path}: holds the byte 0, as no text does; must be UTF-8 text (is it UTF-16? iconv "
            "-f UTF-16 -t UTF-8 converts it)"
        )
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.strip():
            yield Line(f"{path} line {number}", line.strip())


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be unpacked ({error}); must be whole and packed with gzip"
        ) from None


def new_id(name: str, known: Mapping[str, object], where: str) -> str:
    """Returns an id in Unicode form NFC.

    Raises:
        DataError: it is known already; `where` is named.
    """
    name = unicodedata.normalize("NFC", name)
    if name in known:
        raise DataError(
            f'{where}: utterance "{name}" comes a second time; must come once (each line has the '
            "id of its utterance; remove the line that is wrong)"
        )
    return name
