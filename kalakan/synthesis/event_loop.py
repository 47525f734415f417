"""Runs an iterator in a thread next to the event loop of asyncio."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

AHEAD = 2
"""Items computed ahead of the consumer before the thread waits."""
Item = TypeVar("Item")


async def in_thread(make: Callable[[], Iterator[Item]], ahead: int = AHEAD) -> AsyncGenerator[Item, None]:
    """The items of the iterator that `make` returns; both run in a thread, at most `ahead` items before the caller.

    An error of the iterator is raised here. On cancellation or close, the thread ends after the item in progress, and
    the generator after the thread.
    """
    worker = _Worker(make, ahead)
    lease = _Lease(worker)  # noqa: F841 - a loop that is closed abruptly drops it with this frame
    worker.start()
    try:
        while not isinstance(item := await worker.take(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        await worker.stop()


@dataclass(frozen=True)
class _End:
    """End marker after the last item."""

    error: BaseException | None = None


class _Worker(Generic[Item]):
    """A thread that puts items into a queue of the event loop while there is room."""

    def __init__(self, make: Callable[[], Iterator[Item]], ahead: int) -> None:
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(ahead)
        self._ready: asyncio.Queue[Item | _End] = asyncio.Queue()
        self._is_stopped = False
        self._has_ended = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="kalakan-async", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    async def take(self) -> Item | _End:
        """The next item; makes room for another."""
        item = await self._ready.get()
        self._room.release()
        self._has_ended = isinstance(item, _End)
        return item

    def release(self) -> None:
        """Ends the thread after the item in progress."""
        self._is_stopped = True
        self._room.release()

    async def stop(self) -> None:
        """Ends the thread after the item in progress, and waits for it."""
        self.release()
        while not self._has_ended:
            await self.take()
        self._thread.join()  # it ends right after queueing the end marker

    def _run(self) -> None:
        end = _End()
        try:
            items = self._make()
            while self._room.acquire() and not self._is_stopped:
                try:
                    item = next(items)
                except StopIteration:
                    break
                self._put(item)
        except BaseException as error:  # raised again in the caller
            end = _End(error)
        self._put(end)

    def _put(self, item: Item | _End) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.put_nowait, item)
        except RuntimeError:  # the event loop was closed: there is no consumer any more
            self._is_stopped = True


class _Lease:
    """Held by the consumer: once it is garbage-collected, the thread stops."""

    def __init__(self, worker: _Worker[Any]) -> None:
        self._worker = worker

    def __del__(self) -> None:
        self._worker.release()
