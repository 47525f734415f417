"""Tone obedience: whether a vowel marked high has a higher F0 than its neighbor marked low."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kalakan.evaluation.pitch import PitchTrack
from kalakan.evaluation.timeline import HIGH, LOW, Segment, nuclei
from kalakan.text.phonemes import NUCLEUS_CLASSES, TONE_IDS, phoneme_class, symbol_to_id

PLACE = 2 / 3
"""Relative position in a vowel at which its F0 is measured: the tone is reached late in it."""


@dataclass(frozen=True)
class Obedience:
    """Summary of a set of tone steps."""

    obeyed_percent: float
    """Percentage of the measured pairs whose high vowel is higher than the low one."""
    semitones: float
    """Mean step from low to high over the measured pairs."""
    pairs: int
    """Measured pairs."""
    unmeasured: int
    """Pairs with a vowel that Praat classifies as unvoiced where its F0 is measured."""


def tone_steps(segments: Sequence[Segment], track: PitchTrack) -> list[float]:
    """Semitones by which the high vowel lies above the low one, for each pair of adjacent nuclei that are vowels, one
    of them high and the other low; NaN where one of the two is unvoiced at `PLACE`."""
    steps = []
    for one, other in pairwise(nuclei(segments)):
        if {one.tone, other.tone} != {HIGH, LOW} or {one.kind, other.kind} != {"vowel"}:
            continue
        high, low = (one, other) if one.tone == HIGH else (other, one)
        steps.append(12.0 * math.log2(track.at(high.at(PLACE)) / track.at(low.at(PLACE))))
    return steps


def obedience(steps: Iterable[float]) -> Obedience:
    """Percentage, mean and counts of `tone_steps`; NaN if nothing was measured."""
    everything = list(steps)
    measured = [step for step in everything if math.isfinite(step)]
    if not measured:
        return Obedience(math.nan, math.nan, 0, len(everything))
    obeyed = 100.0 * sum(step > 0 for step in measured) / len(measured)
    return Obedience(obeyed, sum(measured) / len(measured), len(measured), len(everything) - len(measured))


def mark_tones(ids: Sequence[int], seed: int) -> NDArray[np.int64]:
    """The ids [N] with a random high or low tone on every nucleus, determined by the seed; replaces existing tones."""
    random = np.random.default_rng(seed)
    marks = (symbol_to_id("˥"), symbol_to_id("˩"))
    marked: list[int] = []
    for unit in map(int, ids):
        if unit in TONE_IDS:
            continue
        marked.append(unit)
        if phoneme_class(unit) in NUCLEUS_CLASSES:
            marked.append(marks[int(random.integers(2))])
    return np.asarray(marked, np.int64)
