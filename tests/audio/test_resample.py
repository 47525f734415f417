"""Another sample rate, chunk by chunk."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from kalakan.audio.resample import Resampler
from kalakan.errors import MissingDependencyError

RATES = [8000, 16_000, 22_050, 24_000, 44_100, 48_000]
NOISE = np.random.default_rng(1).uniform(-0.5, 0.5, 9001).astype(np.float32)


def resampled(chunks: list[np.ndarray], source_rate: int, rate: int) -> np.ndarray:
    resampler = Resampler(source_rate, rate)
    return np.concatenate([*map(resampler.push, chunks), resampler.flush()])


@settings(max_examples=examples(50), deadline=None)
@given(
    st.sampled_from(RATES),
    st.sampled_from(RATES),
    st.lists(st.integers(0, len(NOISE)), max_size=8).map(sorted),
)
def test_chunks_are_the_whole_to_the_bit(source_rate: int, rate: int, cuts: list[int]) -> None:
    whole = resampled([NOISE], source_rate, rate)
    assert abs(len(whole) - len(NOISE) * rate / source_rate) <= 1
    assert np.array_equal(resampled(np.split(NOISE, cuts), source_rate, rate), whole)


def test_one_sample_at_a_time() -> None:
    assert np.array_equal(
        resampled(np.split(NOISE[:500], 500), 24_000, 8000), resampled([NOISE[:500]], 24_000, 8000)
    )


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    high = np.sin(2 * np.pi * 6000 * np.arange(24_000) / 24_000).astype(np.float32)
    assert np.abs(resampled([high], 24_000, 8000)[500:-500]).max() < 1e-4


def test_without_soxr_only_other_rates_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert np.array_equal(resampled([NOISE], 24_000, 24_000), NOISE)
    with pytest.raises(MissingDependencyError, match="24000 Hz to 8000 Hz needs soxr; pip install soxr"):
        Resampler(24_000, 8000)
