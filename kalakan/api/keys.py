"""API keys and their rate limits."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from kalakan.api.errors import ApiError, refuse, too_busy

AUTHORIZED = "kalakan.authorized"
"""Key of an ASGI scope: whether the connection's headers have a valid API key."""
OPEN_PATHS = frozenset(("/health", "/ready", "/openapi.json"))
"""Paths that need no key, in addition to the files of the web page."""
MINUTE_S = 60.0


class Keys:
    """The keys of a server, each with its own rate limit. Keys are compared in constant time."""

    def __init__(self, keys: Iterable[str], rate_limit: int = 0) -> None:
        """`rate_limit` is in requests per minute, 0 for no limit; a key may send that many at once."""
        self._digests = [_digest(key) for key in keys]
        self._limit = rate_limit
        self._left = [float(rate_limit)] * len(self._digests)
        self._counted = [time.monotonic()] * len(self._digests)

    @property
    def are_needed(self) -> bool:
        """Whether requests need a key."""
        return bool(self._digests)

    def check(self, key: str | None, *, is_authorized: bool = False) -> None:
        """Counts a request. Raises `ApiError` 401 for a missing or wrong key, unless the connection `is_authorized` and
        was counted, and 429 if the key has no requests left."""
        if not self._digests or is_authorized:
            return
        found = self._found(key)
        if found is None:
            state = "is missing; send it as Authorization: Bearer KEY" if not key else "is not valid"
            headers = {"WWW-Authenticate": "Bearer"}
            raise ApiError(401, f"the API key {state}", code="invalid_api_key", headers=headers)
        if self._limit:
            self._count(found)

    def _found(self, key: str | None) -> int | None:
        """Index of a key; the time this takes reveals nothing about the keys."""
        digest, found = _digest(key or ""), None
        for place, known in enumerate(self._digests):
            if hmac.compare_digest(digest, known):
                found = place
        return found

    def _count(self, place: int) -> None:
        now = time.monotonic()
        earned = (now - self._counted[place]) * self._limit / MINUTE_S
        self._left[place] = min(float(self._limit), self._left[place] + earned)
        self._counted[place] = now
        if self._left[place] < 1.0:
            seconds = int((1.0 - self._left[place]) * MINUTE_S / self._limit) + 1
            raise too_busy(f"this key has {self._limit} requests a minute", seconds, "rate_limit_exceeded")
        self._left[place] -= 1.0


class KeyCheck:
    """Middleware that accepts only requests with a valid key, except for `OPEN_PATHS` and the page."""

    def __init__(self, app: ASGIApp, keys: Keys, page: frozenset[str]) -> None:
        """`page` are the paths of the web page."""
        self._app = app
        self._keys = keys
        self._open = OPEN_PATHS | page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks a connection."""
        if scope["type"] in ("http", "websocket") and self._keys.are_needed:
            kind, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
            given = key.strip() if kind.lower() == "bearer" else None
            is_open = scope["path"] in self._open or scope.get("method") == "OPTIONS"
            # A page cannot send the header with a WebSocket, so its key comes in the first message.
            if not is_open and (scope["type"] == "http" or given is not None):
                try:
                    self._keys.check(given)
                except ApiError as error:
                    await refuse(error, scope, receive, send)
                    return
                scope[AUTHORIZED] = True
        await self._app(scope, receive, send)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
