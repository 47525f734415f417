"""`Utterance`: one recording of a corpus with its labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LABEL_SAMPLES = 600
"""Samples of one duration label (25 ms at 24 kHz) if a line of the manifest has no `label_samples`."""
F0_SAMPLES = 300
"""Samples of one F0 label at the corpus's sample rate."""
SPLITS = ("train", "validation", "test")
"""The splits of a corpus."""


@dataclass(frozen=True)
class Utterance:
    """One recording with its labels."""

    id: str
    """File stem, unique in the dataset."""
    speaker: str
    """Name of the speaker."""
    text: str
    """The sentence as written."""
    audio: Path
    """The recording."""
    units: tuple[str, ...]
    """Phoneme and pause symbols in order; may include tone units, which have no frames."""
    tones: tuple[int, ...]
    """Tone of each unit: 0 none, 1 high, 2 low, 3 downstepped high."""
    frames: tuple[int, ...]
    """Duration of each unit in `label_samples`; empty if the recording is not aligned yet."""
    lead: float
    """Silence before the first unit in `label_samples`."""
    samples: int
    """Length of the recording."""
    f0: NDArray[np.float32]
    """Fundamental frequency in Hz every `F0_SAMPLES`, 0 where unvoiced; empty if it is to be estimated. A label is used
    only where Praat finds voicing too (`FeatureStore.f0`)."""
    split: str = "train"
    """"train", "validation" or "test"."""
    label_samples: int = LABEL_SAMPLES
    """Samples of one duration label."""
    doubtful: str = ""
    """Why `align` reported the durations as doubtful; empty if it did not."""

    @property
    def is_test(self) -> bool:
        """True for the test split, which must not be used in training."""
        return self.split == "test"

    @property
    def is_aligned(self) -> bool:
        """True if the durations are known."""
        return bool(self.frames)
