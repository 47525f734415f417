"""Safe forks while worker threads are running."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0
"""Longest wait of a fork for work in progress."""


class Forks:
    """Makes a fork wait until no worker is inside a model. A child copies the locks of onnxruntime, torch and the text
    core as they are, and a lock held by a thread of the parent would stay locked forever."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._working: dict[int, int] = {}
        """Calls in progress of each thread."""
        self._is_forking = False

    @contextmanager
    def none_meanwhile(self) -> Iterator[None]:
        """A block during which no other thread forks the process, up to the longest wait of a fork."""
        me = threading.get_ident()
        with self._changed:
            # Nested calls continue: the fork waits for the outer one.
            while self._is_forking and me not in self._working:
                self._changed.wait()
            self._working[me] = self._working.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                left = self._working.pop(me, 1) - 1  # not there in a child that was forked in the block
                if left:
                    self._working[me] = left
                self._changed.notify_all()

    def before(self) -> None:
        """Before a fork: blocks new calls and waits for running ones. A worker that forks waits only for the others."""
        me, until = threading.get_ident(), time.monotonic() + PATIENCE_S
        self._changed.acquire()
        self._is_forking = True
        while any(thread != me for thread in self._working):
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                break

    def after_in_parent(self) -> None:
        """Unblocks calls."""
        self._is_forking = False
        self._changed.notify_all()
        self._changed.release()

    def after_in_child(self) -> None:
        """The child starts without workers and with its own lock."""
        self._reset()


FORKS = Forks()
"""The forks of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=FORKS.before, after_in_parent=FORKS.after_in_parent, after_in_child=FORKS.after_in_child
    )
