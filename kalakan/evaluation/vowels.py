"""Formants of the oral vowels, measured with Praat."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import parselmouth
from numpy.typing import NDArray

from kalakan.evaluation.timeline import ORAL_VOWELS, Segment

Array = NDArray[np.floating[Any]]
SHORTEST_S = 0.075
"""Shorter vowels do not reach their target and are skipped."""
CHAINS = (("i", "ɪ", "e", "ɛ", "æ", "a"), ("u", "ʊ", "o", "ɔ"))
"""Vowels in order of rising F1."""


@dataclass(frozen=True)
class VowelPoint:
    """The formants of one vowel."""

    symbol: str
    """Symbol of the vowel."""
    f1: float
    """First formant in Hz."""
    f2: float
    """Second formant in Hz."""


@dataclass(frozen=True)
class VowelMedian:
    """The median formants of one vowel."""

    f1: float
    """First formant in Hz."""
    f2: float
    """Second formant in Hz."""
    count: int
    """Number of measured vowels."""


def vowel_points(
    segments: Sequence[Segment], audio: Array, sample_rate: int, ceiling_hz: float
) -> list[VowelPoint]:
    """F1 and F2 in the middle of each oral vowel of at least `SHORTEST_S`.

    Praat's Burg method, 5 formants up to `ceiling_hz`, window 25 ms, pre-emphasis from 50 Hz.
    """
    # Half a millisecond of tolerance: durations are sums of frames.
    long_enough = [
        segment
        for segment in segments
        if segment.symbol in ORAL_VOWELS and segment.seconds >= SHORTEST_S - 0.0005
    ]
    if not long_enough:
        return []
    sound = parselmouth.Sound(audio.astype(np.float64), sample_rate)
    formants = sound.to_formant_burg(
        max_number_of_formants=5, maximum_formant=ceiling_hz, window_length=0.025, pre_emphasis_from=50.0
    )
    found = []
    for segment in long_enough:
        f1, f2 = (formants.get_value_at_time(number, segment.at(0.5)) for number in (1, 2))
        if math.isfinite(f1) and math.isfinite(f2):
            found.append(VowelPoint(segment.symbol, f1, f2))
    return found


def vowel_medians(points: Iterable[VowelPoint]) -> dict[str, VowelMedian]:
    """Median F1 and F2 of each vowel that occurs, in the order of `ORAL_VOWELS`."""
    by_symbol: dict[str, list[VowelPoint]] = {symbol: [] for symbol in ORAL_VOWELS}
    for point in points:
        by_symbol[point.symbol].append(point)
    return {
        symbol: VowelMedian(median(p.f1 for p in found), median(p.f2 for p in found), len(found))
        for symbol, found in by_symbol.items()
        if found
    }


def order_breaks(medians: Mapping[str, VowelMedian]) -> list[str]:
    """Neighbors in `CHAINS` whose F1 does not rise, as "e ≥ ɛ"; vowels that were not measured are skipped."""
    breaks = []
    for chain in CHAINS:
        present = [symbol for symbol in chain if symbol in medians]
        for low, high in pairwise(present):
            if medians[low].f1 >= medians[high].f1:
                breaks.append(f"{low} ≥ {high}")
    return breaks
