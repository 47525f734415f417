"""Turns Ctrl-C and SIGTERM into a flag that a loop polls, in place of an exception in the middle of a step."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_on_signal() -> Iterator[Mapping[str, bool]]:
    """A mapping whose "now" turns true at SIGINT or SIGTERM; a second signal acts as usual."""
    state = {"now": False}
    previous: dict[int, Any] = {}

    def handler(number: int, _frame: Any) -> None:
        state["now"] = True
        signal.signal(number, previous[number])

    try:
        for stop_signal in (signal.SIGINT, signal.SIGTERM):
            previous[stop_signal] = signal.signal(stop_signal, handler)
    except ValueError:
        pass  # not the main thread: signals are the caller's
    try:
        yield state
    finally:
        for number, action in previous.items():
            signal.signal(number, action)
