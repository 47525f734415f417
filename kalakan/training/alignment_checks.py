"""Flags suspicious alignments for manual review before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOW_SCORE = 4.0
"""Alignments that score this many median absolute deviations below the median are doubtful."""
SQUEEZED = 5
"""Consecutive sounds of one mel frame each (12.5 ms): faster than human speech."""


@dataclass(frozen=True)
class Durations:
    """The alignment of one utterance."""

    lead: int
    """Mel frames of silence before the first unit."""
    frames: NDArray[np.int64]
    """Mel frames of each unit [N]; 0 for tones, and for boundaries without a pause."""
    score: float
    """Mean log likelihood of its speech frames, up to a constant; low where text and audio do not match."""


def doubts(found: Mapping[str, Durations]) -> dict[str, str]:
    """Suspected faults in the alignments of a corpus, by utterance id, lowest score first."""
    scores = np.array([item.score for item in found.values()])
    middle = float(np.median(scores))
    limit = middle - LOW_SCORE * max(float(np.median(np.abs(scores - middle))), 1e-6)
    reasons = {}
    for name, item in sorted(found.items(), key=lambda pair: pair[1].score):
        sounds = item.frames[item.frames > 0]
        if item.score < limit:
            reasons[name] = "doubtful: text and sound agree far less than elsewhere"
        elif (longest := longest_run(sounds == 1)) >= SQUEEZED:
            reasons[name] = f"doubtful: {longest} sounds in a row have one frame each"
    return reasons


def longest_run(values: NDArray[np.bool_]) -> int:
    """Length of the longest stretch of true values."""
    longest = length = 0
    for value in values.tolist():
        length = length + 1 if value else 0
        longest = max(longest, length)
    return longest
