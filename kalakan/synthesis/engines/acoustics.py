"""What passes between the stages of synthesis: arrays without behavior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Audio [S] in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class AcousticBatch:
    """Input of an acoustic stage: a batch of phrases. None leaves a control at the model's default."""

    ids: NDArray[np.int64]
    """Phoneme ids [B, N], padded with 0."""
    lengths: NDArray[np.int64]
    """Ids of each phrase [B]."""
    speaker: NDArray[np.int64] | NDArray[np.float32] | None = None
    """Row of each phrase's speaker [B]; if any phrase has a mix, the weights of all speakers [B, S]."""
    speed: NDArray[np.float32] | None = None
    """Tempo factor, [B, 1], or [B, N] for each id."""
    pitch: NDArray[np.float32] | None = None
    """Pitch shift in semitones, in the same shapes."""
    pitch_range: NDArray[np.float32] | None = None
    """Factor of log F0 around the speaker's mean, in the same shapes."""
    volume: NDArray[np.float32] | None = None
    """Gain in decibels, in the same shapes; models ignore it, the vocoder stage applies it."""
    durations: NDArray[np.int64] | None = None
    """Frames [B, N] to use instead of predicted ones."""


@dataclass(frozen=True, eq=False)
class Acoustics:
    """Output of an acoustic stage for one phrase. Arrays are numpy's or torch's, depending on the engine."""

    frames: int
    """Its length T in frames."""
    mel: Any
    """Log-mel [1, M, T]; None if it is decoded window by window."""
    hidden: Any
    """Input [1, T, C] of `AcousticStage.decode`; None if the mel is decoded already."""
    f0: Any
    """F0 [1, T] in Hz, 0 where unvoiced; None for a model that does not predict it."""
    durations: NDArray[np.int64] | None
    """Frames of each id [N]; None for a model without durations."""
    gain: NDArray[np.float32] | None = None
    """Amplitude factor, [1] for the whole phrase or [T] for each frame; None for 1."""
