"""Independent branches of work: run sequentially, or in parallel where a runner supports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Branches = Sequence[Callable[[], Tensor]]
Runner = Callable[[Branches], list[Tensor]]
_RUNNER: ContextVar[Runner | None] = ContextVar("kalakan_branches", default=None)


def side_by_side(branches: Branches) -> list[Tensor]:
    """The result of each branch."""
    runner = _RUNNER.get()
    return [branch() for branch in branches] if runner is None else runner(branches)


@contextmanager
def run_by(runner: Runner) -> Iterator[None]:
    """Runs the branches within the block, for this thread or task, with a runner."""
    token = _RUNNER.set(runner)
    try:
        yield
    finally:
        _RUNNER.reset(token)
