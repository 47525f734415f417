"""pytest benches/test_griffin_lim.py --benchmark-only: Griffin-Lim beside its baselines, quality checked first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

import griffin_lim_cases as cases


@pytest.fixture(scope="module")
def wanted() -> Iterator[np.ndarray]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        magnitude = cases.wanted_magnitude()
        cases.check(magnitude)
        yield magnitude
    torch.set_num_threads(before)


@pytest.mark.benchmark(
    group="griffin_lim 10 s, 32 iterations, 1 thread", timer=time.process_time, min_rounds=5
)
@pytest.mark.parametrize("name", list(cases.CASES))
def test_griffin_lim(benchmark: Any, wanted: np.ndarray, name: str) -> None:
    benchmark(cases.CASES[name], wanted)
