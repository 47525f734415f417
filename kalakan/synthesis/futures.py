"""Requests to a pipeline's workers as futures, for threads and for asyncio."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal

from kalakan._rust import PipelineTicket
from kalakan.errors import ConfigError, PipelineFull, RequestCancelled

Priority = Literal["high", "normal", "low"]
PRIORITIES: dict[str, int] = {"high": 0, "normal": 1, "low": 2}
"""Priorities by name, with the pipeline's numbers; lower numbers are served first."""
RETRY_S = 0.005
"""Interval at which a coroutine polls a full pipeline for room."""


class Request(Future[Any]):
    """A future of the audio [S] of a text. It can also be cancelled while running; its result is then dropped."""

    ticket: PipelineTicket | None = None
    """Set once the pipeline has admitted it."""

    def cancel(self) -> bool:
        """Cancels the request; returns False if it is already done."""
        return self.cancelled() or (self.ticket is not None and self.ticket.cancel())

    def settle(self, value: Any, error: BaseException | None) -> None:
        """Sets the outcome, in a worker's thread."""
        if isinstance(error, RequestCancelled):
            super().cancel()
            self.set_running_or_notify_cancel()
        elif error is not None:
            self.set_exception(error)
        else:
            self.set_result(value)


async def awaited(send: Callable[[], Request], *, is_shielded: bool = False) -> Any:
    """The result of the request that `send` submits without waiting; retried while the pipeline is full.

    Cancelling the caller cancels the request, unless `is_shielded`.
    """
    from asyncio import shield, sleep, wrap_future

    while True:
        try:
            request = send()
        except PipelineFull:
            await sleep(RETRY_S)
        else:
            future = wrap_future(request)
            return await (shield(future) if is_shielded else future)


def level_of(priority: str) -> int:
    """A priority's number; raises `ConfigError` for an unknown one."""
    if priority not in PRIORITIES:
        raise ConfigError(f"priority is {priority!r}; it must be one of {', '.join(PRIORITIES)}")
    return PRIORITIES[priority]
