from __future__ import annotations

import itertools

import numpy as np
import pytest

from kalakan.errors import DataError
from kalakan.models.lattice import best_path, posteriors


def paths(size: int, optional: list[bool]) -> list[list[int]]:
    """Every alignment of `size` frames, by brute force."""
    count = len(optional)
    found = []
    for path in itertools.combinations_with_replacement(range(count), size):
        missed = set(range(count)) - set(path)
        if all(optional[state] for state in missed):
            found.append(list(path))
    return found


CASES = [
    (1, [False]),
    (4, [True, False, True, False]),
    (5, [True, False, False, True]),
    (3, [False, False, False]),
    (6, [True, False, True]),
]


@pytest.mark.parametrize(("size", "optional"), CASES)
def test_posteriors_and_best_path_are_those_of_all_alignments(size: int, optional: list[bool]) -> None:
    random = np.random.default_rng(size)
    scores = 3 * random.standard_normal((size, len(optional)))
    everything = paths(size, optional)
    totals = np.array([scores[np.arange(size), path].sum() for path in everything])
    expected = np.zeros_like(scores)
    for path, weight in zip(everything, np.exp(totals - np.logaddexp.reduce(totals)), strict=True):
        expected[np.arange(size), path] += weight
    flags = np.array(optional)
    found, total = posteriors(scores[None], flags[None], np.array([size]), np.array([len(optional)]))
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(total[0], np.logaddexp.reduce(totals))
    best = everything[int(totals.argmax())]
    assert best_path(scores, flags).tolist() == np.bincount(best, minlength=len(optional)).tolist()


def test_a_batch_equals_its_rows_alone() -> None:
    random = np.random.default_rng(0)
    sizes, counts = np.array([7, 12, 9]), np.array([3, 6, 1])
    scores = random.standard_normal((3, 12, 6))
    optional = np.zeros((3, 6), bool)
    optional[0, 0] = optional[1, 2] = optional[1, 5] = True
    together, totals = posteriors(scores, optional, sizes, counts)
    for row, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        alone, total = posteriors(
            scores[row : row + 1, :size, :count],
            optional[row : row + 1, :count],
            sizes[row : row + 1],
            counts[row : row + 1],
        )
        np.testing.assert_allclose(together[row, :size, :count], alone[0], atol=1e-6)
        np.testing.assert_allclose(totals[row], total[0])
        np.testing.assert_allclose(together[row, :size].sum(axis=1), 1.0, atol=1e-5)
        assert not together[row, size:].any()


def test_long_and_certain_scores_do_not_underflow() -> None:
    scores = np.full((1, 900, 120), -500.0)
    for state in range(120):
        scores[0, state * 7 : (state + 1) * 7 + (60 if state == 119 else 0), state] = 0.0
    found, total = posteriors(scores, np.zeros((1, 120), bool), np.array([900]), np.array([120]))
    assert np.isfinite(total).all()
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-5)
    assert best_path(scores[0], np.zeros(120, bool)).tolist() == [7] * 119 + [67]


def test_too_few_frames_are_named() -> None:
    with pytest.raises(DataError, match="2 frames cannot hold 3 sounds"):
        best_path(np.zeros((2, 3)), np.zeros(3, bool))
