"""Runs iterators in threads next to the event loop of asyncio, within the thread budget."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from kalakan.synthesis.forks import FORKS
from kalakan.synthesis.threads import thread_budget

AHEAD = 2
"""Number of items computed ahead of the consumer before an iterator pauses."""
Item = TypeVar("Item")


async def in_thread(
    make: Callable[[], Iterator[Item]], ahead: int = AHEAD, threads: int = 1
) -> AsyncGenerator[Item, None]:
    """The items of the iterator that `make` returns; both run in threads, at most `ahead` items ahead of the caller.

    All calls of the process share as many threads as `thread_budget` allows, each using `threads` cores. They take
    turns item by item; iterators without an item yet go first. Errors of the iterator are raised here. On cancellation
    or close, the generator ends after the item in progress. Idle threads end.
    """
    source = _Source(make, ahead, threads)
    lease = _Lease(source)  # noqa: F841 - a loop that is closed abruptly drops it with this frame
    source.start()
    try:
        while not isinstance(item := await source.take(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        await source.stop()


@dataclass(frozen=True)
class _End:
    """End marker after the last item."""

    error: BaseException | None = None


class _State(Enum):
    """State of an iterator; changes under the lock of the threads."""

    IDLE = auto()
    """Waiting for its consumer."""
    QUEUED = auto()
    """Waiting for a thread."""
    RUNNING = auto()
    """Running in a thread."""
    ENDED = auto()
    """Finished."""


class _Source(Generic[Item]):
    """An iterator whose items are put by threads, one by one, into a queue of the event loop while there is room."""

    def __init__(self, make: Callable[[], Iterator[Item]], ahead: int, threads: int) -> None:
        self.most_threads = max(1, thread_budget() // threads)
        self.state = _State.IDLE
        self.is_begun = False
        self._threads = _THREADS
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._room = ahead
        self._ready: asyncio.Queue[Item | _End] = asyncio.Queue()
        self.is_stopped = False
        self._items: Iterator[Item] | None = None
        self._context = contextvars.copy_context()

    def start(self) -> None:
        with self._threads.lock:
            self._threads.append(self)
        self._threads.serve(self.most_threads)

    async def take(self) -> Item | _End:
        """The next item; makes room for another."""
        item = await self._ready.get()
        with self._threads.lock:
            self._room += 1
            is_waiting = self.state is _State.IDLE and not self.is_stopped
            if is_waiting:
                self._threads.append(self)
        if is_waiting:
            self._threads.serve(self.most_threads)
        return item

    def release(self) -> None:
        """Ends the work after the item in progress. Takes no lock: a garbage collection may call it anywhere."""
        self.is_stopped = True

    async def stop(self) -> None:
        """Ends the work after the item in progress, and waits for that."""
        self.release()
        # A forked child has neither the threads nor, perhaps, a usable lock.
        while self._threads is _THREADS and self._is_running():
            await self._ready.get()
        close = getattr(self._items, "close", None)
        self._items = None
        if close is not None:
            self._context.run(close)

    def _is_running(self) -> bool:
        with self._threads.lock:
            return self.state is _State.RUNNING

    def step(self) -> Item | _End:
        """The next item, in a thread."""
        try:
            self.is_begun = True
            with FORKS.none_meanwhile():
                if self._items is None:
                    self._items = self._context.run(self._make)
                return self._context.run(next, self._items)
        except StopIteration:
            return _End()
        except BaseException as error:  # raised again in the caller
            return _End(error)

    def settle(self, item: Item | _End) -> None:
        """Decides, under the lock of the threads, what to do after an item."""
        self._room -= 1
        if self.is_stopped or isinstance(item, _End):
            self.state = _State.ENDED
        elif self._room > 0:
            self._threads.append(self)  # for this thread, or another one
        else:
            self.state = _State.IDLE

    def put(self, item: Item | _End) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.put_nowait, item)
        except RuntimeError:  # the event loop was closed, so there is no consumer
            self.release()


class _Lease:
    """Held by the consumer; when it is garbage-collected, the work stops."""

    def __init__(self, source: _Source[Any]) -> None:
        self._source = source

    def __del__(self) -> None:
        self._source.release()


class _Threads:
    """The threads of a process: as many as the budget allows while there is work, otherwise none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._first: deque[_Source[Any]] = deque()
        """Sources without an item yet."""
        self._others: deque[_Source[Any]] = deque()
        self._running = 0

    def append(self, source: _Source[Any]) -> None:
        """Queues a source, under the lock."""
        source.state = _State.QUEUED
        (self._others if source.is_begun else self._first).append(source)

    def serve(self, most_threads: int) -> None:
        """Starts a thread for the queue if fewer than `most_threads` run."""
        with self.lock:
            if self._running >= most_threads:
                return
            self._running += 1
        try:
            # Not under the lock: a starting thread may first run any pending finalizer.
            threading.Thread(target=self._run, name="kalakan-async", daemon=True).start()
        except RuntimeError:  # no more threads can start: the running ones serve the queue
            with self.lock:
                self._running -= 1
                if self._running == 0:
                    raise

    def _run(self) -> None:
        with self.lock:
            source = self._next()
        while source is not None:
            item = source.step()
            with self.lock:
                source.settle(item)
                following = self._next()
            source.put(item)
            source = following

    def _next(self) -> _Source[Any] | None:
        """The next source, marked as running; None if there is none and the thread should end."""
        for queue in (self._first, self._others):
            while queue:
                source = queue.popleft()
                source.state = _State.ENDED if source.is_stopped else _State.RUNNING
                if source.state is _State.RUNNING:
                    return source
        self._running -= 1
        return None


_THREADS = _Threads()


def _forget_threads() -> None:
    """In a forked child, whose parent's threads do not exist."""
    global _THREADS
    _THREADS = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
