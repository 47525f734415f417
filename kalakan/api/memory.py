"""Returns memory that the C library keeps for later requests to the system."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

BETWEEN_S = 2.0
"""Minimum seconds between two calls, because returned memory must be allocated again."""


class Rest:
    """Returns memory when a server is idle. Only glibc needs and supports this: after some large blocks, it keeps freed
    ones, about 10 MB for a server that responds with whole files."""

    def __init__(self) -> None:
        self._trim = _trim()
        self._last = time.monotonic()

    def now(self) -> None:
        """Returns memory at once: after the models are loaded, which frees as much as a tenth of the process."""
        if self._trim is not None:
            self._trim()
            self._last = time.monotonic()

    def due(self) -> Callable[[], object] | None:
        """The function to call, on any thread, which takes some milliseconds; None if it was just called or is
        unavailable."""
        now = time.monotonic()
        if self._trim is None or now - self._last < BETWEEN_S:
            return None
        self._last = now
        return self._trim


def _trim() -> Callable[[], object] | None:
    if not sys.platform.startswith("linux"):
        return None
    function = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if function is None else lambda: function(0)
