"""Gives memory back to the system that the C library keeps for the next request."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

BETWEEN_S = 2.0
"""Seconds between two times, at least: what is given back has to be asked for again."""


class Rest:
    """Gives memory back when a server has nothing to do. Only glibc needs it and can: large blocks that were freed stay
    with it once it has seen some, about 10 MB of a server that answers with whole files."""

    def __init__(self) -> None:
        self._trim = _trim()
        self._last = time.monotonic()

    def due(self) -> Callable[[], object] | None:
        """What takes some milliseconds to call, on any thread; None if it was called just now, or there is nothing."""
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
