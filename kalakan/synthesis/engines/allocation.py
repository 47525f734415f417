"""Who keeps the memory that tensors of onnxruntime leave for the next ones: its own arena, or glibc."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

from kalakan.synthesis.threads import thread_budget

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8
"""Options of glibc's mallopt, from malloc.h."""
LARGEST_KEPT = 32 << 20
"""Blocks from this size on are asked of the system each time; glibc allows no more. By default it is small at first,
and every fresh page costs a fault: synthesis takes a tenth longer."""
MOST_FREE = 16 << 20
"""Free bytes at the end of a heap beyond which it shrinks."""
SETTINGS = (
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_ARENA_MAX",
    "MALLOC_TOP_PAD_",
    "LD_PRELOAD",
)
"""Variables of an environment that has its own idea of malloc."""


@cache
def is_glibcs() -> bool:
    """Whether sessions leave their memory to glibc, in this process, which is told to keep it.

    onnxruntime's arena has one lock for all sessions, and threads that synthesize at once wait for each other there a
    few times a request; glibc has heaps for them apart. So this is True where there are several threads
    (`thread_budget`) and glibc, unless the environment has settings of its own for malloc. One thread is as fast with
    either, and the arena needs less memory.
    """
    if not sys.platform.startswith("linux") or thread_budget() == 1 or _has_settings():
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    # The heaps of the threads that synthesize, and one for all others.
    wanted = {_MMAP_THRESHOLD: LARGEST_KEPT, _TRIM_THRESHOLD: MOST_FREE, _ARENA_MAX: thread_budget() + 1}
    for option, value in wanted.items():
        library.mallopt(option, value)  # 1: they are within its limits
    return True


def _has_settings() -> bool:
    return any(os.environ.get(name) for name in SETTINGS) or "malloc" in os.environ.get("GLIBC_TUNABLES", "")
