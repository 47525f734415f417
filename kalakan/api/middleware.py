"""Middleware for every request: id, log line, headers, and body limits."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kalakan.api import logs
from kalakan.api.disconnect import ClientLeft
from kalakan.api.errors import ApiError
from kalakan.api.page_files import POLICY

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Default headers of every response."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Observed:
    """The outermost middleware: assigns a request id and headers, writes one log line without the text, and responds
    to unexpected errors with 500 and a traceback without values in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follows one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = _Request(given if _ID.fullmatch(given) else uuid4().hex)
        scope.setdefault("state", {})["request_id"] = request.id
        if scope["path"].endswith("/") and scope["path"] != "/":
            scope["path"] = scope["path"].rstrip("/") or "/"  # clients may join paths carelessly

        async def sending(message: Message) -> None:
            request.note(message)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientLeft:
            request.status = 499  # as nginx logs it
        except Exception as error:
            logs.write_error(error, request.id)
            if request.status is None and scope["type"] == "http":
                failure = ApiError(500, "the server failed; its log says why", code="internal_error")
                await failure.response()(scope, receive, sending)
            elif scope["type"] == "websocket":
                raise
            # Otherwise the response is cut off: the connection is closed before its end.
        finally:
            request.end(scope)


class _Request:
    """The known facts about a request."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.status: int | None = None
        self._start = time.perf_counter()
        self._first: float | None = None
        self._bytes = 0

    def note(self, message: Message) -> None:
        """Tracks the response, and adds headers."""
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            headers["X-Request-ID"] = self.id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            message["headers"] = headers.raw
        elif message["type"] == "websocket.accept":
            self.status = 101
        elif message["type"] == "websocket.close" and self.status is None:
            self.status = 403  # what the server makes of it
        elif message["type"] == "http.response.body" and message.get("body"):
            self._first = self._first or time.perf_counter()
            self._bytes += len(message["body"])

    def end(self, scope: Scope) -> None:
        """Counts the request, and writes its log line."""
        now = time.perf_counter()
        route = scope.get("route")
        path = getattr(route, "path", None)  # not the path, which a client chooses
        first = None if self._first is None else self._first - self._start
        service = getattr(scope["app"].state, "service", None)
        if service is not None:
            service.metrics.request(path or "other", self.status or 0, now - self._start, first)
        line: dict[str, Any] = {
            "request_id": self.id,
            "method": scope.get("method", "WEBSOCKET"),
            "route": path,
            "status": self.status,
            "ms": round((now - self._start) * 1000, 1),
            "bytes": self._bytes,
        }
        if first is not None:
            line["first_byte_ms"] = round(first * 1000, 1)
        logs.write(**line | scope["state"].get("log", {}))


class Heads:
    """Middleware that answers HEAD for every GET route, with its headers and without its body. Ranges apply only to
    GET (RFC 9110, section 14.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send(message if "body" not in message else {**message, "body": b""})

        # Not a copy, because the router's entries in it are logged.
        scope["headers"] = [item for item in scope["headers"] if item[0] != b"range"]
        scope["method"] = "GET"
        try:
            await self._app(scope, receive, without_body)
        finally:
            scope["method"] = "HEAD"


class BodyLimit:
    """Middleware that rejects a body of more than `most` bytes, before or while it is read."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follows one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            await self._error().response()(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._most:
                    raise self._error()
            return message

        await self._app(scope, counting, send)

    def _error(self) -> ApiError:
        message = f"the body is larger than {self._most} bytes; send it in parts"
        return ApiError(413, message, code="body_too_large", headers={"Connection": "close"})
