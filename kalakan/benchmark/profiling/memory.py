"""Memory of the process and of Python while a text is synthesized, and whether it grows from run to run."""

from __future__ import annotations

import gc
import statistics
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from kalakan.benchmark.probe import memory_mb
from kalakan.config.rules import require

SETTLING = 0.25
"""Fraction of the runs after which caches and allocators are full."""
LEAST_RUNS, MOST_RUNS = 8, 100_000
RSS_LIMIT_MB = 0.05
"""Growth of resident memory per run that counts as a leak; allocators keep pages."""
SHARE_OF_GROWING_RUNS = 0.5
"""An allocator that occasionally takes a block does not leak; a leak grows with every run."""


@dataclass(frozen=True)
class Growth:
    """Growth of a quantity from run to run."""

    name: str
    """What grew."""
    unit: str
    """Unit of `per_run`."""
    per_run: float
    """Median of the slopes between any two runs after the first quarter (Theil and Sen)."""
    limit: float
    """Growth above which it is a leak."""

    @property
    def is_leak(self) -> bool:
        """Whether it grows too much."""
        return self.per_run > self.limit

    def __str__(self) -> str:
        state = "grows" if self.is_leak else "does not grow"
        return f"{self.name}: {state} ({self.per_run:+.4g} {self.unit} a run, limit {self.limit:g})"


def leaks(run: Callable[[], Any], runs: int) -> list[Growth]:
    """Resident memory, Python objects, torch tensors and CUDA memory over `runs` runs, garbage collected after each.

    Raises `ConfigError` for too few or too many runs.
    """
    rule = f"it must be at least {LEAST_RUNS} and at most {MOST_RUNS}"
    require(LEAST_RUNS <= runs <= MOST_RUNS, "runs", runs, rule)
    counts: list[tuple[float, ...]] = []
    for _ in range(runs):
        run()
        gc.collect()
        counts.append(_count())
    settled = counts[int(runs * SETTLING) :]
    memory, objects, tensors, cuda = zip(*settled, strict=True)
    found = [
        Growth("resident memory", "MB", slope(memory), RSS_LIMIT_MB),
        Growth("Python objects", "objects", slope(objects), SHARE_OF_GROWING_RUNS),
    ]
    if "torch" in sys.modules:
        found.append(Growth("torch tensors", "tensors", slope(tensors), SHARE_OF_GROWING_RUNS))
        found.append(Growth("CUDA memory", "MB", slope(cuda), 0.0))
    return found


def slope(values: Sequence[float]) -> float:
    """Median of the slopes between all pairs of values, one run apart; robust against outliers."""
    places = range(0, len(values), max(1, len(values) // 200))  # the number of pairs grows quadratically
    return statistics.median((values[b] - values[a]) / (b - a) for a, b in combinations(places, 2))


def python_heap(run: Callable[[], Any], rows: int = 10) -> Iterator[str]:
    """Peak of Python's and numpy's allocations during a run, and the lines that hold the most memory after it."""
    run()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        tracemalloc.reset_peak()
        held = run()
        _, peak = tracemalloc.get_traced_memory()
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    del held
    resident, highest = memory_mb()
    yield f"resident memory {resident:.1f} MB now, {highest:.1f} MB at the peak of the process"
    yield f"Python and numpy allocate {peak / 1e6:.2f} MB at most during a run; after it these lines hold most:"
    for entry in after.compare_to(before, "lineno")[:rows]:
        frame = entry.traceback[0]
        if entry.size_diff > 0:
            yield f"{entry.size_diff / 1e6:8.3f} MB in {Path(frame.filename).name}:{frame.lineno}"


def _count() -> tuple[float, ...]:
    """Resident memory in MB, Python objects, tensors, CUDA memory in MB."""
    objects = gc.get_objects()
    torch = sys.modules.get("torch")
    tensors, cuda = 0, 0.0
    if torch is not None:
        tensors = sum(issubclass(type(item), torch.Tensor) for item in objects)
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            cuda = sum(torch.cuda.memory_allocated(index) for index in range(torch.cuda.device_count())) / 1e6
    return memory_mb()[0], float(len(objects)), float(tensors), cuda
