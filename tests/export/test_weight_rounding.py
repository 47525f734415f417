"""Weights rounded by the activations that they multiply: products change less than by rounding to the nearest."""

from __future__ import annotations

import numpy as np
import pytest

from kalakan.export.onnx.weight_rounding import round_to

MOST = 7


def steps(weight: np.ndarray) -> np.ndarray:
    return (np.abs(weight).max(axis=1, keepdims=True) / MOST).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_products_change_less_than_by_rounding_to_the_nearest(seed: int) -> None:
    random = np.random.default_rng(seed)
    weight = random.normal(size=(16, 48)).astype(np.float32)
    x = random.normal(size=(400, 12)) @ random.normal(size=(12, 48)) + 0.1 * random.normal(size=(400, 48))
    scales = steps(weight)

    def error(integers: np.ndarray) -> float:
        return float(np.square(x @ (integers * scales - weight).T).mean())

    nearest = round_to(weight, scales, MOST, None)
    found = round_to(weight, scales, MOST, x.T @ x)
    np.testing.assert_array_equal(nearest, np.round(weight / scales))
    assert np.abs(found).max() <= MOST
    assert found.dtype == np.int8
    assert error(found) < 0.3 * error(nearest)


def test_integers_times_scales_stay() -> None:
    random = np.random.default_rng(3)
    integers = random.integers(-MOST, MOST + 1, (8, 20)).astype(np.int8)
    integers[:, 0] = MOST
    weight = integers * np.full((8, 1), 0.03, np.float32)
    x = random.normal(size=(50, 20))
    np.testing.assert_array_equal(round_to(weight, steps(weight), MOST, x.T @ x), integers)


def test_inputs_that_were_always_zero_leave_the_nearest() -> None:
    weight = np.random.default_rng(4).normal(size=(4, 10)).astype(np.float32)
    found = round_to(weight, steps(weight), MOST, np.zeros((10, 10)))
    np.testing.assert_array_equal(found, round_to(weight, steps(weight), MOST, None))


def test_an_input_that_never_occurred_keeps_finite_weights() -> None:
    random = np.random.default_rng(5)
    weight = random.normal(size=(4, 10)).astype(np.float32)
    x = random.normal(size=(60, 10))
    x[:, 3] = 0.0
    found = round_to(weight, steps(weight), MOST, x.T @ x)
    np.testing.assert_array_equal(found[:, 3], np.round(weight / steps(weight))[:, 3])
