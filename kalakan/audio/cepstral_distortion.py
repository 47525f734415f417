"""Mel cepstral distortion: the distance of two log-mels, regardless of their levels."""

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
