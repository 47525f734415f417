"""Keeps a store that fails or hangs from slowing down the requests that ask it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Breaker:
    """Calls a store within a time limit, and after a failure not at all for a while. Thread-safe.

    Each call runs in a thread of its own, because no socket time-out bounds a whole answer: a name server may hang, a
    database send one byte at a time. A call that is late is left behind; its thread ends with its connection.
    """

    def __init__(self, limit_s: float, retry_after_s: float, failed: Callable[[BaseException], None]) -> None:
        """`failed` is told of each failure, in the caller's thread."""
        self._limit_s = limit_s
        self._retry_after_s = retry_after_s
        self._failed = failed
        self._open_until = 0.0
        self._is_trying = False
        self._lock = threading.Lock()

    def call(self, function: Callable[[], Result]) -> Result | None:
        """What `function` returns; None if it fails, is late, or is not called because that happened just before."""
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
        ) as raised:  # whatever a server that is no Redis, or a client that trusts it, may cause
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
        """Whether to call, and whether that is the trial after a failure, of which there is one at a time."""
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
    except BaseException as error:  # raised again in the caller, if it still waits
        answer.set_exception(error)
    else:
        answer.set_result(result)
