"""Server errors as responses in the format that OpenAI's clients understand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kalakan.errors import (
    DeadlineExceeded,
    ImplementationUnavailable,
    KalakanError,
    KernelError,
    PipelineClosed,
    PipelineFull,
    VoiceError,
)

LONGEST_VALUE = 60
"""Maximum number of characters of an invalid value that an error repeats."""
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}
"""OpenAI's error `type` by status; other statuses below 500 are "invalid_request_error"."""
RETRY_S = 1
"""Seconds after which a client may retry when the server is full: the queue is shorter than that."""


class ApiError(HTTPException):
    """An error that is reported to the client."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`param` is the faulty field of the request, `code` an identifier for programs."""
        super().__init__(status, message, dict(headers) if headers else None)
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The error as an object."""
        kind = KINDS.get(
            self.status_code, "invalid_request_error" if self.status_code < 500 else "server_error"
        )
        return {"error": {"message": self.detail, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """The error as a response."""
        return json_response(self.body(), self.status_code, self.headers)


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response in ASCII, because it may repeat characters of a request that UTF-8 cannot encode."""
    return Response(json.dumps(content).encode(), status, headers, media_type="application/json")


async def refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    """Responds to a request with an error. For a WebSocket, the error is the response to its handshake; from a server
    without that extension of ASGI, a client gets only a 403."""
    is_socket = scope["type"] == "websocket"
    if is_socket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await error.response()(scope, receive, send)


def too_busy(why: str, seconds: int = RETRY_S, code: str = "server_busy") -> ApiError:
    """The response of a full server."""
    message = f"{why}; try again in {seconds} s"
    return ApiError(429, message, code=code, headers={"Retry-After": str(seconds)})


def too_late(seconds: float) -> ApiError:
    """The response at the deadline."""
    message = f"there was no audio after {seconds:g} s; send less at once, or try again when the server is less busy"
    # Clients must not retry automatically: "close" distinguishes this from the 408 of an idle connection.
    return ApiError(408, message, code="deadline_exceeded", headers={"Connection": "close"})


def api_error(error: KalakanError) -> ApiError:
    """The response to a synthesis error."""
    if isinstance(error, PipelineFull):
        return too_busy("the server has as many requests as it can hold")
    if isinstance(error, DeadlineExceeded):
        return ApiError(408, str(error), code="deadline_exceeded")
    if isinstance(error, PipelineClosed):
        return ApiError(503, "the server is shutting down; try again", code="shutting_down")
    if isinstance(error, (VoiceError, KernelError, ImplementationUnavailable)):
        return ApiError(500, "the voice of this server cannot be used; its log says why")
    return ApiError(400, str(error), param=_param(str(error)), code="invalid_value")


def install(app: Any) -> None:
    """Makes an application use this format for all errors."""

    async def of_kalakan(_: Request, error: Exception) -> Response:
        assert isinstance(error, KalakanError)
        return api_error(error).response()

    async def of_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if not isinstance(error, ApiError):
            error = ApiError(error.status_code, _message(error), headers=error.headers)
        return error.response()

    async def of_validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return validation_error(error.errors()).response()

    app.add_exception_handler(KalakanError, of_kalakan)
    app.add_exception_handler(StarletteHTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)


def validation_error(errors: Sequence[Mapping[str, Any]]) -> ApiError:
    """The response to a body that violates its schema: its first fault. A location starts with "body" or another part
    of the request."""
    first = errors[0]
    place = list(map(str, first["loc"][1:]))
    kinds = [error for error in errors if error["loc"][:2] == first["loc"][:2]]
    if len(kinds) > 1:  # for a field with several types, pydantic adds the type to the location
        place = place[:1]
    name = _cut(".".join(place))
    if first["type"] == "json_invalid":
        return ApiError(
            400, f"the body is not JSON ({first['ctx']['error']}); send one JSON object", code="invalid_json"
        )
    if not place:
        message = "the body must be a JSON object with Content-Type: application/json"
        return ApiError(400, message, code="invalid_json")
    if first["type"] == "missing":
        return ApiError(400, f"{name} is missing; give it", param=name, code="missing_field")
    if first["type"] == "extra_forbidden":
        message = f"{_cut(ascii(name))} is no field of this request; see /openapi.json for those there are"
        return ApiError(400, message, param=name, code="unknown_field")
    wanted = "it must " + " or ".join(
        dict.fromkeys(re.sub("^(Value error, )?Input should ", "", str(error["msg"])) for error in kinds)
    )
    return ApiError(
        400, f"{name} is {_shown(first.get('input'))}; {wanted}", param=name, code="invalid_value"
    )


def _message(error: StarletteHTTPException) -> str:
    known = {
        404: "there is nothing at this address; see /openapi.json for what there is",
        400: "the body cannot be read as JSON; send one JSON object in UTF-8",
        405: "this address does not take that method; see /openapi.json",
    }
    return known.get(error.status_code, str(error.detail))


def _shown(value: Any) -> str:
    """A value of a JSON body as JSON names it; text in quotes, with what is not ASCII escaped."""
    if isinstance(value, str):
        return _cut(ascii(value))
    if isinstance(value, (bool, int, float, type(None))):
        return _cut(json.dumps(value))
    return {"dict": "an object", "list": "an array"}.get(type(value).__name__, f"a {type(value).__name__}")


def _cut(shown: str) -> str:
    return shown if len(shown) <= LONGEST_VALUE else shown[:LONGEST_VALUE] + "…"


def _param(message: str) -> str | None:
    """The field at the start of a `SpeakOptions` error message."""
    found = re.match(r"(\w+) (?:is|'|\")", message)
    return found[1] if found else None
