"""Work that does not depend on each other: one after the other, or beside each other where something can do that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Branches = Sequence[Callable[[], Tensor]]
Runner = Callable[[Branches], list[Tensor]]
_RUNNER: ContextVar[Runner | None] = ContextVar("kalakan_branches", default=None)


def side_by_side(branches: Branches) -> list[Tensor]:
    """What each branch returns."""
    runner = _RUNNER.get()
    return [branch() for branch in branches] if runner is None else runner(branches)


@contextmanager
def run_by(runner: Runner) -> Iterator[None]:
    """Gives the branches within the block, and this thread or task, to a runner."""
    token = _RUNNER.set(runner)
    try:
        yield
    finally:
        _RUNNER.reset(token)
