"""Mel distances against values worked out another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.evaluation import spectra

RANDOM = np.random.default_rng(0)


def _mel(bands: int = 80, frames: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-5.0, 1.5, (bands, frames)).astype(np.float32)


def test_equal_mels_are_no_distance_apart() -> None:
    mel = _mel()
    assert spectra.mel_l1(mel, mel) == 0
    assert spectra.cepstral_distortion(mel, mel) == 0
    assert spectra.warped_distortion(mel, mel) == 0
    assert spectra.warped_l1(mel, mel) == 0


def test_a_gain_is_heard_by_the_l1_and_not_by_the_cepstrum() -> None:
    mel = _mel()
    assert spectra.mel_l1(mel, mel + np.float32(0.5)) == pytest.approx(0.5, abs=1e-5)
    assert spectra.cepstral_distortion(mel, mel + np.float32(0.5)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("order", [1, 5, 13])
def test_a_ripple_of_known_size_costs_its_rms_in_db(order: int) -> None:
    mel = _mel()
    places = (np.arange(80) + 0.5) / 80
    ripple = 0.3 * np.cos(math.pi * order * places)[:, None]  # amplitude in natural-log units
    expected = 20 / math.log(10) * 0.3 / math.sqrt(2)
    assert spectra.cepstral_distortion(mel, mel + ripple) == pytest.approx(expected, rel=1e-6)
    # A single coefficient c: Kubichek's 10 / ln 10 * sqrt(2 * c ** 2).
    assert expected == pytest.approx(10 / math.log(10) * math.sqrt(2 * 0.3**2))


def test_detail_beyond_the_last_coefficient_is_not_heard() -> None:
    mel = _mel()
    ripple = np.cos(math.pi * 14 * (np.arange(80) + 0.5) / 80)[:, None]
    assert spectra.cepstral_distortion(mel, mel + ripple) == pytest.approx(0, abs=1e-9)


def test_all_coefficients_together_are_the_rms_difference_without_the_level() -> None:
    one, other = _mel(bands=14, seed=1), _mel(bands=14, seed=2)  # 13 coefficients are all there are
    difference = (one - other).astype(np.float64)
    difference -= difference.mean(axis=0)
    expected = 20 / math.log(10) * np.sqrt(np.square(difference).mean(axis=0)).mean()
    assert spectra.cepstral_distortion(one, other) == pytest.approx(expected, rel=1e-6)


def test_warping_undoes_repeated_frames() -> None:
    mel = _mel()
    stretched = mel[:, np.repeat(np.arange(40), RANDOM.integers(1, 4, 40))]
    assert spectra.warped_distortion(mel, stretched) == pytest.approx(0, abs=1e-5)
    assert spectra.warped_l1(stretched, mel) == 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (9, 1), (13, 29), (40, 17)])
def test_warp_agrees_with_librosa(height: int, width: int) -> None:
    librosa = pytest.importorskip("librosa")
    cost = np.random.default_rng(height * width).random((height, width))
    rows, columns = spectra.warp(cost)
    total, _ = librosa.sequence.dtw(C=cost)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, height - 1, width - 1)
    steps = set(zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True))
    assert steps <= {(0, 1), (1, 0), (1, 1)}
    assert cost[rows, columns].sum() == pytest.approx(total[-1, -1])
