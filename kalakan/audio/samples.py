"""Validates samples for all writers, and converts them to PCM bytes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import AudioError, KalakanWarning


def check_samples(audio: Any) -> NDArray[np.floating[Any]]:
    """Audio [S], a numpy array or a torch tensor, as a float array in [-1, 1].

    Samples outside [-1, 1] are clipped with a `KalakanWarning`. Raises `AudioError` for audio that is empty, not 1-D
    floating point or not finite.
    """
    # A torch tensor, recognized by its methods: this file must not import torch. float() because numpy has no bfloat16.
    try:
        samples = np.asarray(audio.detach().cpu().float() if hasattr(audio, "detach") else audio)
    except ValueError as error:  # rows of different lengths
        raise AudioError(f"audio is no array ({error}); it must be one dimension of floats [S]") from error
    if samples.ndim != 1 or samples.size == 0:
        raise AudioError(f"audio has shape {list(samples.shape)}; it must be one non-empty dimension [S]")
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"audio has dtype {samples.dtype}; it must be floating point in [-1, 1]")
    if not np.isfinite(samples).all():
        raise AudioError("audio has NaN or infinity; every sample must be finite")
    if samples.dtype not in (np.float32, np.float64):  # libsndfile supports no other types
        samples = samples.astype(np.float32)
    peak = float(np.abs(samples).max())
    if peak > 1.0:
        warnings.warn(f"audio peaks at {peak:.3g} and is clipped to [-1, 1]", KalakanWarning, stacklevel=4)
        samples = samples.clip(-1.0, 1.0)
    return samples


def pcm_bytes(samples: NDArray[np.floating[Any]], subtype: str) -> bytes:
    """Samples [S] in [-1, 1] as little-endian PCM_16, PCM_24 or FLOAT: the bytes that libsndfile writes.

    It scales to 32 bits and drops the lower ones.
    """
    if subtype == "FLOAT":
        return bytes(samples.astype("<f4"))
    words = np.rint(samples.astype(np.float64) * 2.0**31).clip(-(2.0**31), 2.0**31 - 1).astype("<i4")
    parts = words.view(np.uint8).reshape(-1, 4)  # least significant byte first
    return bytes(np.ascontiguousarray(parts[:, 2 if subtype == "PCM_16" else 1 :]))
