"""Distances between log-mels, framewise and with dynamic time warping."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.cepstral_distortion import (
    cepstra,
    cepstral_distortion,
    distances,
    warp,
    warped_distortion,
)

__all__ = ["cepstral_distortion", "mel_l1", "warp", "warped_distortion", "warped_l1"]
Array = NDArray[np.floating[Any]]


def mel_l1(reference: Array, spoken: Array) -> float:
    """Mean absolute difference of two log-mels [M, T] of one shape, in natural-log units (1 is 8.7 dB)."""
    return float(np.mean(np.abs(reference - spoken)))


def warped_l1(reference: Array, spoken: Array) -> float:
    """`mel_l1` of log-mels [M, T1] and [M, T2] along the path of `warped_distortion`."""
    rows, columns = warp(distances(cepstra(reference), cepstra(spoken)))
    return mel_l1(reference[:, rows], spoken[:, columns])
