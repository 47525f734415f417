"""What latency two workers could give at best: a simulation with given service times and arrivals."""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Callable, Sequence
from itertools import accumulate


def arrivals(count: int, rate: float, is_random: bool) -> list[float]:
    """Seconds from the begin to each request."""
    rng = random.Random(7)
    gaps = (rng.expovariate(rate) if is_random else 1 / rate for _ in range(count))
    return list(accumulate(gaps))


def ideal_latency(
    services: Sequence[float], due: Sequence[float], rank: Callable[[float, float], float]
) -> dict[str, float]:
    """Latency where two workers lose no time, serve whole requests, and always take the waiting one of lowest rank, a
    function of its arrival and its service time."""
    free = [0.0, 0.0]
    waiting: list[tuple[float, int]] = []
    latencies: list[float] = []
    coming = 0
    while coming < len(due) or waiting:
        now = heapq.heappop(free)
        if not waiting:
            now = max(now, due[coming])
        while coming < len(due) and due[coming] <= now:
            heapq.heappush(waiting, (rank(due[coming], services[coming]), coming))
            coming += 1
        _, chosen = heapq.heappop(waiting)
        heapq.heappush(free, now + services[chosen])
        latencies.append(now + services[chosen] - due[chosen])
    return percentiles(latencies)


def percentiles(latencies: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile in seconds, and their ratio."""
    ordered = sorted(latencies)
    median, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    return {"median": round(median, 4), "p99": round(p99, 4), "p99_to_median": round(p99 / median, 2)}
