"""Iterators whose items are computed by a pipeline's workers, such as the chunks of a stream, for threads and
asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar

from kalakan._rust import PipelineTicket
from kalakan.synthesis.futures import PRIORITIES, Request, awaited
from kalakan.synthesis.work import END, VOCODE, Pull

Item = TypeVar("Item")
Send = Callable[..., PipelineTicket]
"""Submits to a pipeline, as `Pipeline.submit`."""


def pieces_of(send: Send, source: Any, place: int) -> Iterator[Any]:
    """The items of a generator, each computed before the one ahead of it is taken."""
    coming = _pull(send, source, place)
    try:
        while (item := coming.result()) is not END:
            coming = _pull(send, source, place)
            yield item
    finally:
        # A worker may be running the source, which can only be closed afterwards. Waiting for it here would never
        # end if a garbage collection closes this generator in that very worker.
        coming.add_done_callback(lambda _: source.close())


async def items_of(
    send: Send, source: Iterator[Item], place: int, level: Callable[[], int]
) -> AsyncGenerator[Item, None]:
    """The items of an iterator, each computed on demand; `level` returns the priority of the next one."""
    from asyncio import CancelledError, wait, wrap_future

    coming: Request | None = None

    def pull() -> Request:
        nonlocal coming
        coming = _pull(send, source, place, timeout=0, level=level())
        return coming

    try:
        while (item := await awaited(pull, is_shielded=True)) is not END:
            yield item
    finally:
        while coming is not None and not coming.done():
            try:  # a worker may be running the source, which can only be closed afterwards
                await wait([wrap_future(coming)])
            except CancelledError:
                continue
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _pull(
    send: Send,
    source: Iterator[Any],
    place: int,
    timeout: float | None = None,
    level: int = PRIORITIES["high"],
) -> Request:
    request = Request()
    request.ticket = send(
        Pull(source, place), reply=request.settle, priority=level, stage=VOCODE, timeout=timeout
    )
    return request
