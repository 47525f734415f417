"""The perfect scheduler of benches/perfect_scheduler.py, on cases that can be followed by hand."""

from __future__ import annotations

import pytest

from perfect_scheduler import arrivals, ideal_latency, percentiles


def first_come(due: float, _: float) -> float:
    return due


def shortest(_: float, service: float) -> float:
    return service


def test_requests_wait_for_the_first_free_worker() -> None:
    # Two begin at once and end at 5 and 6; the third begins at 5; the last one, at 20, finds both workers idle.
    found = ideal_latency([5.0, 5.0, 4.0, 3.0], [0.0, 1.0, 2.0, 20.0], first_come)
    assert found == percentiles([5.0, 5.0, 9.0 - 2.0, 3.0])


def test_the_rank_decides_who_of_those_that_wait_is_next() -> None:
    services, due = [4.0, 4.0, 9.0, 1.0, 1.0], [0.0, 0.0, 1.0, 2.0, 2.0]
    assert ideal_latency(services, due, first_come) == percentiles([4.0, 4.0, 12.0, 3.0, 4.0])
    assert ideal_latency(services, due, shortest) == percentiles([4.0, 4.0, 13.0, 3.0, 3.0])


def test_work_that_fits_waits_for_nobody() -> None:
    services = [1.0, 2.0, 3.0] * 40
    assert ideal_latency(services, arrivals(120, 0.5, is_random=False), first_come) == percentiles(services)


def test_arrivals_come_at_the_rate() -> None:
    assert arrivals(3, 4.0, is_random=False) == [0.25, 0.5, 0.75]
    at_random = arrivals(4000, 4.0, is_random=True)
    assert at_random == sorted(at_random) == arrivals(4000, 4.0, is_random=True)
    assert at_random[-1] == pytest.approx(1000, rel=0.1)


def test_percentiles() -> None:
    assert percentiles([float(n) for n in range(1, 101)]) == {
        "median": 50.5,
        "p99": 100.0,
        "p99_to_median": 1.98,
    }
