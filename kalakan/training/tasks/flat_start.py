"""Flat-start alignment: one Gaussian for each sound, all equal at first, trained with Baum-Welch.

L. Rabiner, Proc. IEEE 77(2), 1989, section III.C, on cepstra as in S. Young et al., The HTK Book, 2006, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.models.lattice import posteriors
from kalakan.models.layers.cepstra import cepstra, gaussian_scores

Array = NDArray[np.floating[Any]]
ITERATIONS = 7
"""Baum-Welch iterations; the likelihood barely improves after them."""
BATCH = 16
LEAST_FRAMES = 5.0
"""Minimum expected frames for a sound to get its own Gaussian."""
VARIANCE_FLOOR = 0.02
"""Smallest variance, as a share of the variance of all frames."""


@dataclass(frozen=True)
class Example:
    """One training utterance."""

    mel: Array
    """Log-mel [M, T]."""
    ids: NDArray[np.int64]
    """Class of each state [N]."""
    optional: NDArray[np.bool_]
    """States that may be skipped [N]."""


def learn_gaussians(
    examples: Sequence[Example], classes: int, progress: Callable[[int, int], Any] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and variances [classes, FEATURES] of the sounds in `examples`; global ones for rare sounds."""
    features = [cepstra(example.mel) for example in examples]
    everything = np.concatenate(features)
    overall = everything.var(axis=0)
    means = np.tile(everything.mean(axis=0), (classes, 1))
    variances = np.tile(overall, (classes, 1))
    order = np.argsort([len(item) for item in features], kind="stable")
    for iteration in range(ITERATIONS):
        sums = np.zeros(classes), np.zeros_like(means), np.zeros_like(means)
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            _count([examples[i] for i in rows], [features[i] for i in rows], means, variances, sums)
        known = sums[0] > LEAST_FRAMES
        means[known] = sums[1][known] / sums[0][known, None]
        spread = sums[2][known] / sums[0][known, None] - means[known] ** 2
        variances[known] = np.maximum(spread, VARIANCE_FLOOR * overall)
        if progress:
            progress(iteration + 1, ITERATIONS)
    return means, variances


def _count(
    examples: Sequence[Example],
    features: Sequence[Array],
    means: Array,
    variances: Array,
    sums: tuple[Array, Array, Array],
) -> None:
    """Accumulates a batch's expected frames, features and squared features of each class in `sums`."""
    sizes = np.array([len(item) for item in features])
    counts = np.array([len(example.ids) for example in examples])
    scores = np.full((len(examples), sizes.max(), counts.max()), -1e4)
    optional = np.zeros((len(examples), counts.max()), bool)
    for row, (example, item) in enumerate(zip(examples, features, strict=True)):
        scores[row, : sizes[row], : counts[row]] = gaussian_scores(item, means, variances, example.ids)
        optional[row, : counts[row]] = example.optional
    found, _ = posteriors(scores, optional, sizes, counts)
    for row, (example, item) in enumerate(zip(examples, features, strict=True)):
        weights = found[row, : sizes[row], : counts[row]].astype(np.float64)
        np.add.at(sums[0], example.ids, weights.sum(axis=0))
        np.add.at(sums[1], example.ids, weights.T @ item)
        np.add.at(sums[2], example.ids, weights.T @ item**2)
