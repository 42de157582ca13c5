"""What a request is answered that cannot be served, in the shape of OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asr.errors import one_line
from asr.serving.body import drain


class ApiError(Exception):
    """A request that is refused: a status, and a sentence for whoever made it.

    Args:
        status: of HTTP.
        message: what is wrong, the value, the rule and the way out.
        param: the field that it is about.
        code: a word for programs.
        headers: that go with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    def shape(self) -> dict[str, dict[str, str | None]]:
        """Returns {"error": {message, type, param, code}}."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        inner = {"message": one_line(self.message), "type": kind}
        return {"error": {**inner, "param": self.param, "code": self.code}}


def bad_value(param: str, message: str) -> ApiError:
    """Returns the error of a field whose value cannot be used."""
    return ApiError(400, f"{param} {message}", param=param, code="invalid_value")


def stopping() -> ApiError:
    """Returns the error of a request that was under way longer than a server that ends waits."""
    return ApiError(
        503,
        "the server is stopping, and could not wait for this request; send it again",
        code="server_stopping",
        headers={"Retry-After": "10"},
    )


async def answer_error(request: Request, error: Exception) -> Response:
    """Returns the answer for an error, once the client has had time to send what it was sending."""
    await drain(request)
    if isinstance(error, HTTPException):
        error = _of_http(request, error)
    if not isinstance(error, ApiError):  # ours: the log has it, with where it arose
        error = ApiError(500, "the server failed; its log says how", code="internal_error")
    return JSONResponse(error.shape(), error.status, error.headers)


def _of_http(request: Request, error: HTTPException) -> ApiError:
    where = f"{request.method} {request.url.path}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        known = "POST /v1/audio/transcriptions, GET /v1/models, GET /health, GET /"
        return ApiError(404, f"{where}: there is no such place; known: {known}", code="not_found")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another")
        return ApiError(
            405,
            f"{where}: must be asked with {allowed}",
            code="method_not_allowed",
            headers=error.headers,
        )
    return ApiError(error.status_code, str(error.detail), headers=error.headers)
