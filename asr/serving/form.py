"""A form with a recording, as it comes: small parts in memory, a large file on the disk, unnamed.

The file has no name on the disk where the system allows that, and is gone when the request is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from asr.serving.body import TooLargeError, TooSlowError, pieces
from asr.serving.errors import ApiError, stopping

MEGABYTE = 1_000_000
FIELD_BYTES, MOST_FIELDS = 2**16, 60
FORM_BYTES = 2**20  # beside the file: the other fields, and what parts them
IDLE_SECONDS = 30.0  # without a byte, and the client is thought to be gone


class _Parser(MultiPartParser):
    spool_max_size = 2**16  # a thousand uploads that wait take at most this each in memory


@dataclass(frozen=True)
class Form:
    """A recording, and the fields beside it: name, without brackets, and value, in their order."""

    file: BinaryIO
    file_name: str
    fields: tuple[tuple[str, str], ...]


@asynccontextmanager
async def received(request: Request, *, max_bytes: int) -> AsyncIterator[Form]:
    """Yields the form of a request; then its file is gone.

    Raises:
        ApiError: not a form, without a file, damaged, too large, or too slow.
        ClientDisconnect: the client has hung up.
    """
    form = await _parse(request, max_bytes)
    try:
        yield _checked(form, max_bytes)
    finally:
        for _, value in form.multi_items():
            if isinstance(value, UploadFile):
                value.file.close()  # here and now; UploadFile.close would wait for a thread


async def _parse(request: Request, max_bytes: int) -> FormData:
    kind = request.headers.get("content-type", "nothing")
    if not kind.startswith("multipart/form-data"):
        raise ApiError(
            400,
            f"content-type is {kind}; must be multipart/form-data with a file "
            "(curl -F file=@speech.wav does that)",
            code="invalid_content_type",
        )
    body = pieces(request, max_bytes=max_bytes + FORM_BYTES, idle_seconds=IDLE_SECONDS)
    parser = _Parser(
        request.headers, body, max_files=1, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES
    )
    try:
        return await parser.parse()
    except TooLargeError:
        raise _too_large(max_bytes) from None
    except TooSlowError:
        raise ApiError(
            408, f"no byte came for {IDLE_SECONDS:g} s; send it again", code="request_timeout"
        ) from None
    except asyncio.CancelledError:
        raise stopping() from None
    except MultiPartException as error:
        raise ApiError(400, f"the form is damaged: {error.message}", code="invalid_form") from error
    except OSError as error:
        raise ApiError(507, "no room on the server's disk for the file", code="no_room") from error


def _checked(form: FormData, max_bytes: int) -> Form:
    fields, file = [], None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name == "file":
            file = value
        elif isinstance(value, UploadFile):
            raise ApiError(400, f"{name} is a file; only file may be one", param=name)
        else:
            fields.append((name.partition("[")[0], value))
    if file is None:
        raise ApiError(
            400,
            "file is missing; must be a recording (curl -F file=@speech.wav)",
            param="file",
            code="missing_required_parameter",
        )
    if (file.size or 0) > max_bytes:
        raise _too_large(max_bytes)
    return Form(file.file, file.filename or "file", tuple(fields))


def _too_large(max_bytes: int) -> ApiError:
    return ApiError(
        413,
        f"file is larger than {max_bytes / MEGABYTE:g} MB, which is the most that is taken "
        "(send it as mp3, ogg or flac, or in parts)",
        param="file",
        code="file_too_large",
    )
