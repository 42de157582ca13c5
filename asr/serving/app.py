"""The server's places: OpenAI's audio API, its health, and the page."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asr.serving.asked import no_such_model
from asr.serving.errors import ApiError, answer_error
from asr.serving.page import read_page
from asr.serving.transcriptions import Served, Transcriptions
from asr.version import __version__


def make_app(served: Served, *, api_key: str | None = None) -> FastAPI:
    """Returns the application; when it ends, so do the threads behind it.

    Args:
        served: the model.
        api_key: that everything under /v1 must be asked with; None: nothing need be.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        served.desk.close()

    # Its own pages of documentation would load scripts from other hosts.
    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    for kind in (ApiError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    app.add_middleware(Doorkeeper, api_key=api_key)
    app.router.routes.append(
        Route("/v1/audio/transcriptions", Transcriptions(served), methods=["POST"])
    )
    app.add_route("/v1/audio/translations", _translations, methods=["POST"])
    _add_models(app, served)
    _add_page(app, served, needs_key=api_key is not None)
    return app


class Doorkeeper:
    """Lets requests under /v1 pass that bring the key, and gives every answer safe headers.

    Args:
        app: what is behind the door.
        api_key: None: there is no lock.
    """

    def __init__(self, app: ASGIApp, api_key: str | None) -> None:
        self.app, self.key = app, None if api_key is None else api_key.encode("utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers that it may not pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Any) -> None:
            if message["type"] == "http.response.start":
                safe = [
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
                message = {**message, "headers": [*message.get("headers", ()), *safe]}
            await send(message)

        request = Request(scope, receive)
        if self.key is not None and scope["path"].startswith("/v1") and not self._fits(request):
            answer = await answer_error(request, _wrong_key(request))
            await answer(scope, receive, send_safely)
            return
        await self.app(scope, receive, send_safely)

    def _fits(self, request: Request) -> bool:
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        is_same = hmac.compare_digest(key.strip().encode("utf-8"), self.key or b"")
        return kind.lower() == "bearer" and is_same


def _wrong_key(request: Request) -> ApiError:
    found = "is wrong" if "authorization" in request.headers else "is missing"
    return ApiError(
        401,
        f"the API key {found}; must be sent as Authorization: Bearer KEY, as asr serve was told",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    )


async def _translations(_: Request) -> Response:
    raise ApiError(
        400,
        "translations are not made: this model writes down what is said in the language it is "
        "said in (ask /v1/audio/transcriptions)",
        code="translation_not_supported",
    )


def _add_models(app: FastAPI, served: Served) -> None:
    def described(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": served.offer.created, "owned_by": "asr"}

    @app.get("/v1/models")
    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [described(name) for name in served.offer.names]}

    @app.get("/v1/models/{name:path}")
    async def show_model(name: str) -> dict[str, Any]:
        if name not in served.offer.names:
            raise no_such_model(name, served.offer.names)
        return described(name)


def _add_page(app: FastAPI, served: Served, *, needs_key: bool) -> None:
    html, policy = read_page()
    desk = served.desk

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "model": served.offer.names[0],
            "language": served.offer.language,
            "needs_key": needs_key,
            "requests": desk.num_places,
            "working": desk.num_working,
            "done": desk.num_done,
            "batches": desk.num_batches,
            "limits": vars(desk.limits),
        }

    @app.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        headers = {
            "Content-Security-Policy": policy,
            "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
            "Cache-Control": "no-cache",
        }
        return HTMLResponse(html, headers=headers)
