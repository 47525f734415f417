"""A circuit breaker: a store that fails or hangs does not slow down requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Breaker:
    """Calls a store with a time limit, and skips it for a while after a failure. Thread-safe.

    Each call runs in its own thread, because no socket timeout bounds a whole response: a name server may hang, or a
    database may send one byte at a time. A late call is abandoned; its thread ends with its connection.
    """

    def __init__(self, limit_s: float, retry_after_s: float, failed: Callable[[BaseException], None]) -> None:
        """`failed` is called on each failure, in the caller's thread."""
        self._limit_s = limit_s
        self._retry_after_s = retry_after_s
        self._failed = failed
        self._open_until = 0.0
        self._is_trying = False
        self._lock = threading.Lock()

    def call(self, function: Callable[[], Result]) -> Result | None:
        """The result of `function`; None if it fails, is late, or is skipped because of a recent failure."""
        is_allowed, is_trial = self._may_try()
        if not is_allowed:
            return None
        error: BaseException | None = None
        answer: Future[Result] = Future()
        try:
            threading.Thread(
                target=_answer, args=(function, answer), name="kalakan-store", daemon=True
            ).start()
            return answer.result(self._limit_s)
        except (
            Exception
        ) as raised:  # anything can go wrong with a server that is not Redis, or a client that trusts it
            error = raised
            return None
        finally:
            with self._lock:
                if error is not None:
                    self._open_until = time.monotonic() + self._retry_after_s
                elif is_trial:
                    self._open_until = 0.0
                self._is_trying = self._is_trying and not is_trial
            if error is not None:
                self._failed(error)

    @property
    def is_open(self) -> bool:
        """Whether calls are skipped now."""
        return time.monotonic() < self._open_until

    def _may_try(self) -> tuple[bool, bool]:
        """Whether to call, and whether the call is the trial after a failure; there is one trial at a time."""
        with self._lock:
            if self._open_until == 0.0:
                return True, False
            if self._is_trying or self.is_open:
                return False, False
            self._is_trying = True
            return True, True


def _answer(function: Callable[[], Any], answer: Future[Any]) -> None:
    try:
        result = function()
    except BaseException as error:  # raised again in the caller, if it is still waiting
        answer.set_exception(error)
    else:
        answer.set_result(result)
