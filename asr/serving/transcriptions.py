"""POST /v1/audio/transcriptions: a place, an upload, a job, an answer; or a client that is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from asr.errors import AsrError, DataError
from asr.serving.answers import Encode, answer, delta_event, done_event, error_event
from asr.serving.asked import Asked, read_asked
from asr.serving.body import hang_up
from asr.serving.desk import Desk, Job
from asr.serving.errors import ApiError, stopping
from asr.serving.form import received
from asr.use.shared_model import StoppedError
from asr.use.transcribe import TranscribeOptions
from asr.use.transcript import TranscribedSegment, Transcript

Found = TranscribedSegment | Transcript | BaseException
_log = logging.getLogger("uvicorn.error")


@dataclass(frozen=True)
class Offer:
    """What clients hear of the model.

    Args:
        names: that it is asked by, the first its own.
        language: that it hears; None: not known.
        created: when it was made, in seconds since 1970.
    """

    names: tuple[str, ...]
    language: str | None = None
    created: int = 0


@dataclass(frozen=True)
class Served:
    """What is behind the server.

    Args:
        offer: what clients hear of it.
        desk: that recognizes.
        options: how.
        encode: the model's tokens of a text.
        can_write: whether it has tokens for all of a phrase.
    """

    offer: Offer
    desk: Desk
    options: TranscribeOptions
    encode: Encode
    can_write: Callable[[str], bool] = lambda _: True


class Transcriptions:
    """An application of ASGI, since one call must see a request from its first byte to its last.

    Args:
        served: what answers.
    """

    def __init__(self, served: Served) -> None:
        self.served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request.

        Raises:
            ApiError: it cannot be served, and nothing has been sent yet.
        """
        request, served = Request(scope, receive), self.served
        try:
            with served.desk.place():
                async with received(request, max_bytes=served.desk.limits.max_bytes) as form:
                    offer = served.offer
                    asked = read_asked(
                        form,
                        names=offer.names,
                        language=offer.language,
                        can_write=served.can_write,
                    )
                    job = Job(form.file, form.file_name)
                    async with self._results(request, job, asked) as results:
                        await self._answer(asked, results, (scope, receive, send))
        except ClientDisconnect:
            return  # nobody is there to be answered

    @asynccontextmanager
    async def _results(
        self, request: Request, job: Job, asked: Asked
    ) -> AsyncIterator[asyncio.Queue[Found]]:
        """Starts a job, and yields what comes of it: segments, then a transcript or an error."""
        loop, results = asyncio.get_running_loop(), asyncio.Queue[Found]()

        def put(found: Found) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server was stopped at once
                loop.call_soon_threadsafe(results.put_nowait, found)

        chosen = self.served.options
        longest = self.served.desk.limits.max_seconds
        search = chosen.search
        if asked.phrases:
            phrases = (*search.hotwords, *asked.phrases)
            search = search.model_copy(update={"hotwords": phrases})
        options = replace(
            chosen, search=search, word_times=asked.word_times, longest_seconds=longest
        )
        self.served.desk.start(job, options, put if asked.stream else lambda _: None)
        gone = asyncio.create_task(hang_up(request))
        gone.add_done_callback(lambda _: results.put_nowait(ClientDisconnect()))
        job.future.add_done_callback(lambda future: put(future.exception() or future.result()))
        try:
            yield results
        finally:
            job.stop()
            gone.cancel()

    async def _answer(
        self, asked: Asked, results: asyncio.Queue[Found], asgi: tuple[Scope, Receive, Send]
    ) -> None:
        first = await _next(results)
        if isinstance(first, BaseException):
            raise _refusal(first)
        if asked.stream:
            await _stream(first, asked, results, send=asgi[2])
        elif isinstance(first, Transcript):
            await answer(first, asked, encode=self.served.encode)(*asgi)


async def _next(results: asyncio.Queue[Found]) -> Found:
    """Returns what comes next; when the server may wait no longer, that it stops."""
    try:
        return await results.get()
    except asyncio.CancelledError:
        return StoppedError("the server is stopping")


async def _stream(
    first: TranscribedSegment | Transcript,
    asked: Asked,
    results: asyncio.Queue[Found],
    *,
    send: Send,
) -> None:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    headers += [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    found: Found = first
    has_text = False
    while isinstance(found, TranscribedSegment):
        await send(_body(delta_event(found, is_first=not has_text), more=True))
        has_text = has_text or bool(found.line)
        found = await _next(results)
    if isinstance(found, Transcript):
        await send(_body(done_event(found, asked), more=False))
        return
    refusal = _refusal(found)  # of a client that is gone this ends the request
    await send(_body(error_event(refusal.shape()), more=False))


def _body(text: str, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode("utf-8"), "more_body": more}


def _refusal(error: BaseException) -> ApiError:
    """Returns what a client is told; of what is our own fault the log knows more.

    Raises:
        ClientDisconnect: it has hung up.
    """
    if isinstance(error, ClientDisconnect):
        raise error
    if isinstance(error, DataError):
        return ApiError(400, str(error), param="file", code="invalid_audio")
    if isinstance(error, StoppedError):
        return stopping()
    if isinstance(error, AsrError):
        return ApiError(400, str(error), code="invalid_request")
    _log.error("a recording could not be recognized", exc_info=error)
    return ApiError(500, "the server failed; its log says how", code="internal_error")
