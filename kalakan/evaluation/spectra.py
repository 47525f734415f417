"""Distances between log-mels, framewise and with dynamic time warping."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.cepstral_distortion import cepstra, cepstral_distortion, distortion

__all__ = ["cepstral_distortion", "mel_l1", "warp", "warped_distortion", "warped_l1"]
Array = NDArray[np.floating[Any]]


def mel_l1(reference: Array, spoken: Array) -> float:
    """Mean absolute difference of two log-mels [M, T] of one shape, in natural-log units (1 is 8.7 dB)."""
    return float(np.mean(np.abs(reference - spoken)))


def warped_distortion(reference: Array, spoken: Array) -> float:
    """`cepstral_distortion` of log-mels [M, T1] and [M, T2] along the path that `warp` finds; dB per path step."""
    one, other = cepstra(reference), cepstra(spoken)
    rows, columns = warp(_distances(one, other))
    return distortion(one[:, rows] - other[:, columns])


def warped_l1(reference: Array, spoken: Array) -> float:
    """`mel_l1` of log-mels [M, T1] and [M, T2] along the path of `warped_distortion`."""
    rows, columns = warp(_distances(cepstra(reference), cepstra(spoken)))
    return mel_l1(reference[:, rows], spoken[:, columns])


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


def _distances(one: Array, other: Array) -> Array:
    """Euclidean distances [T1, T2] of columns [C, T1] and [C, T2]."""
    squares = (one**2).sum(0)[:, None] + (other**2).sum(0)[None, :] - 2.0 * one.T @ other
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))
