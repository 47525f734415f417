"""Measurements that may fail without taking the others with them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gpu_bench.settings import Row

Found = dict[str, Any]
"""What one measurement found, or under "failed" or "skipped" why it found nothing."""


class Attempts:
    """The failures of a section, told at its end."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def row(self, case: str, measure: Callable[[], Found]) -> Row:
        """The row of a case, with what `measure` returns or how it failed."""
        return {"case": case, **self.found(case, measure)}

    def found(self, what: str, measure: Callable[[], Found]) -> Found:
        """What `measure` returns, or how it failed."""
        try:
            return measure()
        except Exception as error:  # whatever it is, it is shown, and the others are measured
            self.failed.append(f"{what}: {type(error).__name__}: {error}")
            return {"failed": traceback.format_exc(limit=-6)}

    def wrong(self, what: str, error: float, tolerance: float) -> Found:
        """Marks a result whose error is not below the tolerance; NaN is wrong, too."""
        if error < tolerance:
            return {}
        self.failed.append(f"{what} has error {error:.3g}; the tolerance is {tolerance:.3g}")
        return {"wrong": f"the tolerance is {tolerance:.3g}"}

    def finish(self) -> None:
        """Raises `AssertionError` if anything failed."""
        if self.failed:
            more = f" … and {len(self.failed) - 5} more" if len(self.failed) > 5 else ""
            raise AssertionError(f"{len(self.failed)} failed: {'; '.join(self.failed[:5])}{more}")


class Purse:
    """Seconds that each of several parties may spend."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._spent: dict[str, float] = {}

    def is_empty(self, who: str) -> bool:
        """Whether `who` has spent all."""
        return self._spent.get(who, 0.0) >= self.seconds

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """Counts the time of the block."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._spent[who] = self._spent.get(who, 0.0) + time.monotonic() - start
