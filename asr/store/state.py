"""The file of a training state: what torch writes, and a checksum of all its bytes after it.

It is a zip archive still: the checksum is the archive's comment.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from asr.errors import ModelError, in_short
from asr.files import whole_file
from asr.store.weights import FORMAT_VERSION

SEAL = b"asr state, sha256 "
SEAL_SIZE = len(SEAL) + 2 * 32
ARCHIVE_END = 22  # bytes of the end of a zip archive that has no comment


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a training state: tensors, numbers, strings, and lists and dicts of them.

    Raises:
        ModelError: the file cannot be written; the one before is untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **state}, buffer)
    content = buffer.getbuffer()
    content[-2:] = SEAL_SIZE.to_bytes(2, "little")  # of the comment, which comes after it
    with whole_file(path) as file, ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_digest, content)  # takes half as long as writing
        file.write(content)
        file.write(SEAL + digest.result())


def load_state(path: Path) -> dict[str, Any]:
    """Returns a training state, on the CPU.

    Raises:
        ModelError: the file is damaged or of another format version.
    """
    try:
        content = path.read_bytes()
        _check_state(content)
        with io.BytesIO(content) as file:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes raise anything at all
        raise ModelError(
            f"{path}: cannot be read ({in_short(error)}); delete it to train from the beginning"
        ) from None
    if state.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format version {state.get('format_version')}; this asr reads version "
            f"{FORMAT_VERSION}, finish with the asr that wrote it or use another --out"
        )
    return state


def _check_state(content: bytes) -> None:
    """Refuses bytes that are not those that were written; older states have sums of their parts."""
    if content[-ARCHIVE_END:].startswith(b"PK\5\6") and content[-2:] == bytes(2):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
    else:
        sealed = memoryview(content)[:-SEAL_SIZE]
        damaged = None if content.endswith(SEAL + _digest(sealed)) else "the whole"
    if damaged is not None:
        raise ValueError(f"it is damaged: the checksum of {damaged} does not fit")


def _digest(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
