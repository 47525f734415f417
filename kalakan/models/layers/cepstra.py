"""Cepstra of a log-mel, and their likelihood under Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
CEPSTRA = 13
"""Cepstral coefficients of a frame."""
FEATURES = 3 * CEPSTRA
"""Values of a frame: the coefficients, and their first and second differences."""


def cepstra(mel: Array) -> NDArray[np.float64]:
    """Cepstra of a log-mel [M, T] without their mean over the utterance, and two differences: [T, FEATURES]."""
    bands = len(mel)
    angles = np.pi / bands * (np.arange(bands) + 0.5)[None] * np.arange(CEPSTRA)[:, None]
    plain = np.cos(angles) @ mel.astype(np.float64) * np.sqrt(2.0 / bands)
    plain = plain - plain.mean(axis=1, keepdims=True)
    first = _difference(plain)
    return np.concatenate([plain, first, _difference(first)]).T


def gaussian_scores(features: Array, means: Array, variances: Array, ids: NDArray[np.int64]) -> Array:
    """Log likelihood [T, N], up to a constant, of features [T, F] under the Gaussians of the classes `ids` [N]."""
    classes, places = np.unique(ids, return_inverse=True)
    weights, centers = 1.0 / variances[classes], means[classes]
    distance = (
        (features**2) @ weights.T
        - 2.0 * features @ (centers * weights).T
        + (centers**2 * weights).sum(axis=1)
    )
    found: Array = (-0.5 * (distance + np.log(variances[classes]).sum(axis=1)))[:, places]
    return found


def _difference(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope over five frames along the last axis."""
    padded = np.pad(values, ((0, 0), (2, 2)), "edge")
    return (padded[:, 3:-1] - padded[:, 1:-3] + 2.0 * (padded[:, 4:] - padded[:, :-4])) / 10.0
