"""Selects one of several implementations of an op.

Order: `with use(griffin_lim="torch")`, then the environment variable KALAKAN_OPS (`griffin_lim=torch,upsample=triton`,
or one name for all ops that have it), then the one that `kalakan doctor --tune` found to be the fastest for such a
call, then the first implementation that supports the call. A request that cannot be met raises an error; an automatic
fallback logs its reason, once per op, at INFO.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kalakan.config.environment import check_op, from_environment, one_name
from kalakan.errors import ImplementationUnavailable
from kalakan.ops.choices import Shape, preferred

_LOG = logging.getLogger(__name__)
_REQUESTS: ContextVar[Mapping[str, str]] = ContextVar("kalakan_ops_requests", default={})  # noqa: B039 - never mutated


@dataclass(frozen=True)
class Implementation:
    """One implementation of an op."""

    name: str
    """"torch", "rust", "triton" or "cuda"; "torch" is the reference."""
    call: Callable[..., Tensor]
    unavailable: Callable[[], str | None]
    """Why this machine cannot run it; None if it can. Checked once."""
    refuses: Callable[..., str | None]
    """Why it does not support this call (device, dtype, gradient); None if it does. Takes the op's arguments."""


@dataclass(frozen=True)
class Op:
    """An op and its implementations, best first."""

    name: str
    implementations: tuple[Implementation, ...]
    shape: Callable[..., Shape] | None = None
    """Key of a call in the table of `kalakan.ops.choices`, from the op's arguments; None if its calls are not in it."""
    _machine: dict[str, str | None] = field(default_factory=dict, repr=False)
    _told: set[str] = field(default_factory=set, repr=False)

    def choose(self, *args: object) -> Callable[..., Tensor]:
        """The implementation to use for a call with `args`.

        Raises `ImplementationUnavailable`, with the reason and the alternatives, when one was requested by name
        and does not support the call.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return self._named("torch").call
        request = requested(self.name)
        known = {implementation.name for implementation in self.implementations}
        if request is not None and (request in known or not _is_of_all(self.name)):
            return self._requested(request, *args)
        for implementation in self._in_order(*args):
            reason = self._reason(implementation, *args)
            if reason is None:
                return implementation.call
            self._tell(f"{self.name}: not {implementation.name}, {reason}")
        raise ImplementationUnavailable(
            f"{self.name}: no implementation serves this call; {self._reasons(*args)}"
        )

    def machine(self) -> dict[str, str | None]:
        """Name of each implementation and why this machine cannot run it, or None if it can."""
        for implementation in self.implementations:
            if implementation.name not in self._machine:
                self._machine[implementation.name] = implementation.unavailable()
        return dict(self._machine)

    def ask_again(self) -> None:
        """Makes `machine` check again after kernels were built."""
        self._machine.clear()

    def _in_order(self, *args: object) -> Sequence[Implementation]:
        best = None if self.shape is None else preferred(self.name, self.shape(*args))
        if best is None:
            return self.implementations
        return sorted(self.implementations, key=lambda each: each.name != best)

    def _requested(self, name: str, *args: object) -> Callable[..., Tensor]:
        implementation = self._named(name)
        reason = self._reason(implementation, *args)
        if reason is not None:
            raise ImplementationUnavailable(
                f"{self.name}={name} was asked for: {reason}; {self._reasons(*args)}"
            )
        return implementation.call

    def _named(self, name: str) -> Implementation:
        for implementation in self.implementations:
            if implementation.name == name:
                return implementation
        known = ", ".join(implementation.name for implementation in self.implementations)
        raise ImplementationUnavailable(f"{self.name}={name} was asked for; {self.name} has {known}")

    def _reason(self, implementation: Implementation, *args: object) -> str | None:
        return self.machine()[implementation.name] or implementation.refuses(*args)

    def _reasons(self, *args: object) -> str:
        able = [each.name for each in self.implementations if self._reason(each, *args) is None]
        return f"able to serve it: {', '.join(able) or 'none'}"

    def _tell(self, line: str) -> None:
        if self.name not in self._told:
            self._told.add(self.name)
            _LOG.info(line)


@contextmanager
def use(**names: str) -> Iterator[None]:
    """Requests implementations by name within the block, for this thread or task: `use(griffin_lim="torch")`."""
    for op in names:
        check_op(op)
    token = _REQUESTS.set({**_REQUESTS.get(), **names})
    try:
        yield
    finally:
        _REQUESTS.reset(token)


def requested(op: str) -> str | None:
    """The implementation requested by `use` or KALAKAN_OPS; None leaves the choice to the op."""
    return _REQUESTS.get().get(op) or from_environment().get(op)


def _is_of_all(op: str) -> bool:
    """Whether the request for `op` comes from a single name in KALAKAN_OPS."""
    return op not in _REQUESTS.get() and one_name() is not None
