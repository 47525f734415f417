"""Statistics of repeated measurements."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

Figures = dict[str, float]


def summary(values: Sequence[float], digits: int = 4) -> Figures:
    """Median, minimum, maximum and spread (interquartile range) of at least one value."""
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    found = {
        "median": statistics.median(values),
        "least": min(values),
        "greatest": max(values),
        "spread": quartiles[2] - quartiles[0],
    }
    return {name: round(value, digits) for name, value in found.items()}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank); always one of the
    values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def latencies(seconds: Sequence[float]) -> Figures:
    """p50, p95 and p99 of latencies, and their number; with fewer than 100, the p99 is the maximum."""
    found: Figures = {f"p{percent}": round(percentile(seconds, percent), 5) for percent in (50, 95, 99)}
    return {**found, "of": len(seconds)}


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figures:
    """Summary of the ratios of values measured directly after each other, round by round, so that a temporary slowdown
    of the machine affects both."""
    return summary([one / other for one, other in zip(ours, theirs, strict=True)])
