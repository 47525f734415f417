from __future__ import annotations

import numpy as np
import pytest

from kalakan.data import distortion
from kalakan.data.distortion import distorted


@pytest.fixture
def mel() -> np.ndarray:
    """Silence, a sound in band 20, silence."""
    values = np.full((80, 120), -11.0, np.float32)
    values[18:23, 40:80] = 0.0
    return values


def test_without_distortion_nothing_changes(mel: np.ndarray) -> None:
    for seed in range(20):
        assert np.array_equal(distorted(mel, 80.0, 0.0, np.random.default_rng(seed)), mel)


def test_the_same_seed_distorts_alike(mel: np.ndarray) -> None:
    one, same, other = (distorted(mel, 80.0, 1.0, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_every_distortion_is_finite_and_of_the_same_bands(mel: np.ndarray) -> None:
    for size in (1, 2, 63, 120):
        for seed in range(30):
            found = distorted(mel[:, :size], 80.0, 1.0, np.random.default_rng(seed))
            assert found.dtype == np.float32
            assert found.shape[0] == 80
            assert found.shape[1] >= 1
            assert np.isfinite(found).all()


def test_tempo_and_tract_move_a_sound(mel: np.ndarray) -> None:
    sizes = {distortion._tempo(mel, 80.0, np.random.default_rng(seed)).shape[1] for seed in range(20)}
    assert min(sizes) >= round(120 / 1.2) - 1
    assert max(sizes) <= round(120 / 0.85) + 1
    assert len(sizes) > 5
    bands = {
        int(distortion._tract(mel, 80.0, np.random.default_rng(seed))[:, 60].argmax()) for seed in range(20)
    }
    assert len(bands) > 2
    assert all(14 <= band <= 24 for band in bands)


def test_a_room_leaves_a_tail_and_no_more(mel: np.ndarray) -> None:
    found = distortion._room(mel, 80.0, np.random.default_rng(0))
    assert np.allclose(found[:, :40], mel[:, :40], atol=0.3)
    tail = found[20, 80:120]
    assert tail[0] > mel[20, 80] + 3
    assert np.all(np.diff(tail) <= 1e-4)


def test_noise_lies_below_the_sound(mel: np.ndarray) -> None:
    found = distortion._noise(mel, 80.0, np.random.default_rng(1))
    assert found[:, :40].mean() > -8
    assert abs(found[20, 60] - mel[20, 60]) < 0.7
