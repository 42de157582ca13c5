"""Text files as corpora have them, line by line."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from asr.errors import DataError


def nfc(text: str) -> str:
    """Returns the text composed."""
    return unicodedata.normalize("NFC", text)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a UTF-8 text and their numbers, from 1 on.

    Raises:
        DataError: the file cannot be read, or is in another encoding.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start} (save it as UTF-8)") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    yield from enumerate(text.split("\n"), start=1)
