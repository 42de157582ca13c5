"""The body of a request, read piece by piece: counted, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect, Request

DRAIN_SECONDS, DRAIN_BYTES = 3.0, 2**26  # that are read and thrown away before an error is answered


class TooLargeError(Exception):
    """More bytes come than may."""


class TooSlowError(Exception):
    """No byte came for a while."""


async def pieces(
    request: Request, *, max_bytes: int, idle_seconds: float
) -> AsyncGenerator[bytes, None]:
    """Yields a request's body as it comes.

    Raises:
        TooLargeError: it says that it has more than max_bytes, or has.
        TooSlowError: nothing comes for idle_seconds.
        ClientDisconnect: the client has hung up.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > max_bytes:
        raise TooLargeError
    num_bytes, more = 0, True
    while more:
        try:
            message = await asyncio.wait_for(request.receive(), idle_seconds)
        except TimeoutError:
            raise TooSlowError from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        request.state.has_body_ended = not more
        num_bytes += len(message.get("body", b""))
        if num_bytes > max_bytes:
            raise TooLargeError
        yield message.get("body", b"")


async def drain(request: Request) -> None:
    """Reads on for a while what a client is still sending.

    Else its connection would be reset in the middle, and it might never see the answer. A client
    that waits for leave to send (Expect: 100-continue) is answered at once.
    """
    has_ended = getattr(request.state, "has_body_ended", False)
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    if has_ended or not has_body or "expect" in request.headers:
        return
    num_bytes, more = 0, True
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while more and num_bytes < DRAIN_BYTES:
                message = await request.receive()
                num_bytes += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return


async def hang_up(request: Request) -> None:
    """Returns once the client has hung up; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
