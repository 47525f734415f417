"""Turns Ctrl-C, SIGTERM and SIGHUP into a flag that the loop polls, instead of an exception in mid-step."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""SIGHUP is sent when a terminal or connection is closed; Windows has none."""


@dataclass
class Stop:
    """Whether the loop should stop."""

    by: int | None = None
    """The signal that requested it."""


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """A flag that is set at the first of `STOP_SIGNALS`; a second one acts as usual.

    A signal that is ignored, as SIGHUP under nohup, stays ignored.
    """
    stop = Stop()
    previous: dict[int, Any] = {}

    def handler(number: int, _frame: Any) -> None:
        stop.by = number
        for each, action in previous.items():
            signal.signal(each, action)

    try:
        for number in STOP_SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, handler)
    except ValueError:
        pass  # not the main thread: signals belong to the caller
    try:
        yield stop
    finally:
        for number, action in previous.items():
            signal.signal(number, action)
