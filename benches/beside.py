"""Times one way of doing a thing beside its baseline, in turns: what the suites `test_*.py` share.

`python benches/suites.py` runs them all and writes benches/results/suites-<machine>-<date>.json.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import pytest

from kalakan.benchmark.figures import summary

ROUNDS = 15
WARM_UP = 2


def suite(group: str, timer: Callable[[], float] = time.process_time) -> pytest.MarkDecorator:
    """The mark of a suite. `process_time` counts the CPU time of all threads of this process, which other programs
    disturb less than the time that passes."""
    return pytest.mark.benchmark(group=group, timer=timer)


def beside(
    benchmark: Any,
    way: Callable[[], Any],
    baseline: Callable[[], Any],
    same: Callable[[Any, Any], object],
    rounds: int = ROUNDS,
) -> None:
    """Times `way`, and `baseline` right before each of its rounds, after `same(way(), baseline())`, which raises
    where the two differ. `extra_info` then holds the median and spread of the ratio of each round's two times."""
    same(way(), baseline())
    timer = benchmark._timer
    before: list[float] = []

    def run_baseline() -> None:
        begin = timer()
        baseline()
        before.append(timer() - begin)

    benchmark.pedantic(way, setup=run_baseline, rounds=rounds, warmup_rounds=WARM_UP)
    if benchmark.stats is not None:  # not with --benchmark-disable
        times = benchmark.stats.stats.data
        pairs = zip(times, before[-len(times) :], strict=True)
        benchmark.extra_info["ratio"] = summary([ours / theirs for ours, theirs in pairs], digits=6)


def equal(one: object, other: object) -> None:
    """Raises where two lists, texts or numbers are not equal."""
    assert one == other


def children_cpu() -> float:
    """CPU seconds of the processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
