"""Mel cepstral distortion: the distance of two log-mels, regardless of their levels, framewise or time-warped."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
COEFFICIENTS = 13
"""Number of cepstral coefficients in the mel cepstral distortion, without the 0th (the level)."""


def cepstra(mel: Array) -> NDArray[np.float64]:
    """Mel cepstra [COEFFICIENTS, T] of a log-mel [M, T].

    Scaled so that ln|H| = c0 + sum of c_d cos(d w): with all M - 1 coefficients the distortion is the root mean
    square of the difference in dB, regardless of level.
    """
    bands = mel.shape[0]
    orders = np.arange(1, min(COEFFICIENTS, bands - 1) + 1)[:, None]
    basis = np.cos(math.pi / bands * (np.arange(bands)[None, :] + 0.5) * orders) * (2.0 / bands)
    return np.asarray(basis @ mel.astype(np.float64))


def cepstral_distortion(reference: Array, spoken: Array) -> float:
    """Mel cepstral distortion in dB of two log-mels [M, T] of one shape; 0 for equal ones, invariant to gain.

    10 / ln 10 * sqrt(2 * sum of squared differences) of each frame, averaged over frames: R. Kubichek, "Mel-cepstral
    distance measure for objective speech quality assessment", IEEE PACRIM 1993, equation 1, on the cepstrum of the
    log-mel. Values from other cepstra are not comparable.
    """
    return distortion(cepstra(reference) - cepstra(spoken))


def distortion(difference: Array) -> float:
    """Mean distortion over frames, in dB, for a difference [COEFFICIENTS, T] of `cepstra`."""
    frames = np.sqrt(2.0 * np.square(difference).sum(axis=0))
    return float(10.0 / math.log(10.0) * frames.mean())


def warped_distortion(reference: Array, spoken: Array) -> float:
    """`cepstral_distortion` of log-mels [M, T1] and [M, T2] along the path that `warp` finds; dB per path step."""
    one, other = cepstra(reference), cepstra(spoken)
    rows, columns = warp(distances(one, other))
    return distortion(one[:, rows] - other[:, columns])


def warp(cost: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the minimum-cost path from [0, 0] to [T1 - 1, T2 - 1] of a cost matrix [T1, T2].

    Steps right, down and diagonal, of weight 1 each: H. Sakoe and S. Chiba, IEEE ASSP 26 (1978), without a window.
    Ties prefer the diagonal.
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[0, 0] = 0.0
    # One anti-diagonal at a time: its cells depend on the two before it only.
    for place in range(height + width - 1):
        row = np.arange(max(0, place - width + 1), min(height, place + 1))
        column = place - row
        before = np.minimum(total[row, column], np.minimum(total[row, column + 1], total[row + 1, column]))
        total[row + 1, column + 1] = cost[row, column] + before
    return _trace(total, height, width)


def _trace(total: Array, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    row, column = height, width
    path = []
    while row > 0 and column > 0:
        path.append((row - 1, column - 1))
        options = ((row - 1, column - 1), (row - 1, column), (row, column - 1))
        row, column = min(options, key=lambda cell: total[cell])
    rows, columns = zip(*reversed(path), strict=True)
    return np.asarray(rows, np.int64), np.asarray(columns, np.int64)


def distances(one: Array, other: Array) -> Array:
    """Euclidean distances [T1, T2] of columns [C, T1] and [C, T2]."""
    squares = (one**2).sum(0)[:, None] + (other**2).sum(0)[None, :] - 2.0 * one.T @ other
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))
