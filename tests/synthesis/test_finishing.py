"""Gain and limiting on the device are those of numpy, and what is not finite is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kalakan.audio import loudness
from kalakan.errors import SynthesisError
from kalakan.synthesis.engines.finishing import finish
from kalakan.synthesis.engines.torch_engine import split

HOP = 60


def waves(*frames: int) -> list[np.ndarray]:
    rng = np.random.default_rng(len(frames))
    return [rng.normal(0, 0.7, count * HOP).astype(np.float32) for count in frames]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_samples_are_those_of_numpy(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(0)
    gains = [None, np.array([0.5], np.float32), rng.uniform(0.2, 3, 4).astype(np.float32)]
    given = [torch.from_numpy(wave).to(dtype) for wave in waves(3, 5, 4)]
    lengths = [len(wave) for wave in given]
    found = split(finish(given, gains, HOP).numpy(), lengths)
    for wave, gain, samples in zip(given, gains, found, strict=True):
        plain = wave.float().numpy()
        louder = plain if gain is None else plain * loudness.envelope(gain, 0, len(plain), HOP)
        assert samples.dtype == np.float32
        assert float(np.abs(louder).max()) > 1, "else nothing is limited"
        np.testing.assert_allclose(samples, loudness.soft_limit(louder), atol=1e-6)


def test_samples_below_the_knee_keep_their_bits() -> None:
    wave = np.float32(0.8) * waves(9)[0] / 4
    found = finish([torch.from_numpy(wave)], [None], HOP).numpy()
    np.testing.assert_array_equal(found[:-1], wave)
    assert found[-1] == np.abs(wave).max()


@pytest.mark.parametrize("first_frame", [1, 4])
def test_a_window_has_the_gain_of_its_frames(first_frame: int) -> None:
    gain = np.random.default_rng(1).uniform(0.2, 1, 9).astype(np.float32)
    wave = np.full(3 * HOP, 0.5, np.float32)
    found = finish([torch.from_numpy(wave)], [gain], HOP, first_frame).numpy()[:-1]
    np.testing.assert_allclose(found, wave * loudness.envelope(gain, first_frame, len(wave), HOP), atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_not_finite_is_told(bad: float) -> None:
    first, second = waves(2, 2)
    second[7] = bad
    found = finish([torch.from_numpy(first), torch.from_numpy(second)], [None, None], HOP).numpy()
    with pytest.raises(SynthesisError, match="samples that are not finite"):
        split(found, [len(first), len(second)])


def test_the_copies_do_not_keep_the_pinned_memory() -> None:
    found = finish([torch.zeros(4)], [None], HOP).numpy()
    (samples,) = split(found, [4])
    assert not np.shares_memory(samples, found)
