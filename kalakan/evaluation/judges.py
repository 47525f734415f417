"""External audio quality metrics: PESQ and STOI against a reference, DistilMOS without one."""

from __future__ import annotations

import contextlib
import math
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.floating[Any]]
SAMPLE_RATE = 16_000
"""Input sample rate in Hz of all three metrics."""
STOI_SAMPLES = 6144
"""Minimum audio length for STOI, 384 ms."""
PACKAGES = {"pesq": "pesq", "stoi": "pystoi", "distilmos": "distillmos"}
"""The package that provides each metric."""


def missing_judges() -> dict[str, str]:
    """Unavailable metrics, and the package that each requires."""
    return {name: package for name, package in PACKAGES.items() if find_spec(package) is None}


def resampled(audio: Audio, sample_rate: int) -> NDArray[np.float32]:
    """Resamples audio [S] to `SAMPLE_RATE`."""
    return np.asarray(soxr.resample(audio.astype(np.float32), sample_rate, SAMPLE_RATE), np.float32)


def wideband_pesq(reference: Audio, spoken: Audio, sample_rate: int) -> float:
    """PESQ wide band (ITU-T P.862.2) of audio [S] against its reference: 1.0 to 4.64, higher is better.

    NaN if it detects no speech.
    """
    import pesq

    one, other = resampled(reference, sample_rate), resampled(spoken, sample_rate)
    if not one.any() or not other.any():
        return math.nan
    score = float(pesq.pesq(SAMPLE_RATE, one, other, "wb", on_error=pesq.PesqError.RETURN_VALUES))
    return score if score > 0 else math.nan


def intelligibility(reference: Audio, spoken: Audio, sample_rate: int) -> float:
    """STOI (C. Taal et al., IEEE TASLP 19 (2011)) of audio [S] against its reference: at most 1, higher is better.

    NaN for less than 384 ms of speech.
    """
    from pystoi import stoi

    one, other = resampled(reference, sample_rate), resampled(spoken, sample_rate)
    if not one.any() or not other.any() or len(one) < STOI_SAMPLES:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # pystoi's signal for too little speech
        try:
            return float(stoi(one, other, SAMPLE_RATE))
        except RuntimeWarning:
            return math.nan


def distilmos() -> Callable[[Audio, int], float]:
    """A function of audio [S] and its sample rate that predicts the mean opinion score, 1 to 5.

    DistilMOS (B. Stahl and H. Gamper, arXiv 2502.05356) measures signal quality, not Twi; clips under 3 s score lower.
    """
    with contextlib.redirect_stdout(sys.stderr):  # it prints a banner on import
        import distillmos
        import torch

        model = distillmos.ConvTransformerSQAModel().eval()

    def score(audio: Audio, sample_rate: int) -> float:
        with torch.no_grad():
            return float(model(torch.from_numpy(resampled(audio, sample_rate))[None]))

    return score
