"""Times, memory and poison on a CUDA device, by events; on the CPU, where a dry run walks through, by the clock."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

SECONDS = 4.0
"""Longest that one case is timed."""
LEAST_ROUNDS = 5
SWEEP_BYTES = 256 << 20
"""Written before each timed call: more than any cache holds."""
POISON_SIZES = tuple(1 << power for power in range(8, 25))
"""Elements of the tensors of NaN that the allocator is left with, from its small blocks to 64 MB."""


def synchronize(device: str) -> None:
    """Waits for what was queued."""
    if device == "cuda":
        torch.cuda.synchronize()


def poison(device: str) -> None:
    """Leaves NaN in the memory that is handed out next: what a kernel does not write shows.

    Blocks of earlier calls go back to the driver first; they may hold the right result.
    """
    if device != "cuda":
        return
    synchronize(device)
    gc.collect()
    torch.cuda.empty_cache()
    held = [torch.full((size,), torch.nan, device=device) for size in POISON_SIZES]
    del held


def relative_error(got: Tensor, wanted: Tensor) -> float:
    """|got - wanted| / |wanted|; NaN where a value is not finite."""
    difference = (got.double() - wanted.double()).norm()
    return float(difference / wanted.double().norm().clamp(min=1e-30))


def copies_beyond_cache(size: int, device: str) -> int:
    """How many inputs of `size` bytes to rotate through so that none is still in the cache when its turn comes."""
    if device != "cuda":
        return 2
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    return min(8, max(2, math.ceil(2 * cache / max(1, size))))


def time_ms(call: Callable[[Any], object], inputs: Sequence[Any], rounds: int, device: str) -> dict[str, Any]:
    """Median and least milliseconds of single calls, inputs in rotation, after one call of each."""
    for value in inputs:
        call(value)
    synchronize(device)
    measure = _event_ms if device == "cuda" else _clock_ms
    sweep = torch.empty(SWEEP_BYTES if device == "cuda" else 1, dtype=torch.uint8, device=device)
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while len(times) < rounds and (len(times) < LEAST_ROUNDS or time.monotonic() < end):
        sweep.zero_()
        times.append(measure(call, inputs[len(times) % len(inputs)]))
    return {"ms": round(statistics.median(times), 4), "least_ms": round(min(times), 4), "rounds": len(times)}


def wall_s(call: Callable[[], object], rounds: int, device: str) -> dict[str, Any]:
    """Median and least seconds on the wall of calls that end on the CPU, after two that are not timed."""
    times: list[float] = []
    for index in range(rounds + 2):
        synchronize(device)
        start = time.perf_counter()
        call()
        synchronize(device)
        if index >= 2:
            times.append(time.perf_counter() - start)
    return {"s": round(statistics.median(times), 6), "least_s": round(min(times), 6), "rounds": rounds}


def reset_memory(device: str) -> None:
    """Begins to watch the peak of memory."""
    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb(device: str) -> dict[str, float]:
    """Peak of what tensors used, and of what torch took from the device for them, in MB; empty on the CPU."""
    if device != "cuda":
        return {}
    return {
        "allocated_mb": round(torch.cuda.max_memory_allocated() / 1e6, 1),
        "reserved_mb": round(torch.cuda.max_memory_reserved() / 1e6, 1),
    }


def _event_ms(call: Callable[[Any], object], value: Any) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call(value)
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def _clock_ms(call: Callable[[Any], object], value: Any) -> float:
    start = time.perf_counter()
    call(value)
    return 1e3 * (time.perf_counter() - start)
