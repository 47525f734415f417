"""Corrections of a voice: where its prosody and its level differ from what recordings of speakers show.

They are part of the voice (`corrections` and `levels` in `voice.json`). `Corrections` act on the predicted F0 and
durations, so that both engines, streams and batches apply them alike. `kalakan evaluate --melody` measures them, and
`kalakan describe --corrections` sets them. `Levels` are gains that make a speaker's level the same at
every pitch, tempo and length of a phrase.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any

from kalakan.config.rules import shown
from kalakan.errors import VoiceError
from kalakan.text.framing import MARKS, SENTENCE_ENDS
from kalakan.text.phonemes import CLASSES, NUCLEUS_CLASSES, TONE_IDS, symbol_to_id

SOUNDS = (
    "short_vowel",
    "long_vowel",
    "syllabic_nasal",
    "phrase_end",
    "statement_end",
    "question_end",
    "pause",
)
"""Classes of units whose durations can be corrected. The last vowel or syllabic nasal before a mark inside a sentence
is a `phrase_end`, before the sentence's own mark a `statement_end` or `question_end`, whatever its length."""
PENULTIMATE = 0.6
"""Fraction of the final fall that applies to the second-to-last nucleus."""
ENOUGH_TONES = 0.5
"""Fraction of the nuclei of a phrase that must have a tone for `Corrections.with_tones` to apply in full."""
_QUESTION = symbol_to_id("?")
_EXCLAMATION = symbol_to_id("!")
_LIMITS = {
    "pitch_range": (0.5, 2.0),
    "decline": (-12.0, 12.0),
    "statement_fall": (-12.0, 12.0),
    "question_fall": (-12.0, 12.0),
    "exclamation_rise": (-12.0, 12.0),
}
_FACTORS = (0.5, 2.0)
"""Limits of a factor of durations."""
QUANTITIES = ("pitch", "speed", "sounds")
"""Quantities that a level depends on: semitones, a factor, and the number of vowels and consonants of a phrase."""
MAX_GAIN_DB = 12.0
"""Largest gain of a point."""

Curve = list[list[float]]
"""Points [quantity, gain in decibels], in ascending order; between them the gain is interpolated, outside constant."""


@dataclass(frozen=True)
class Corrections:
    """Corrections of one voice; the defaults change nothing. Raises `ValueError` for an invalid or out-of-range
    value."""

    pitch_range: float = 1.0
    """Factor of log F0 around the speaker's mean, 0.5 to 2; a request's own factor multiplies it."""
    decline: float = 0.0
    """Semitones by which the end of a sentence is lower than its beginning, -12 to 12."""
    statement_fall: float = 0.0
    """Semitones by which the last nucleus of a statement is lowered, -12 to 12; the one before it is lowered by
    `PENULTIMATE` of that."""
    question_fall: float = 0.0
    """The same for questions."""
    exclamation_rise: float = 0.0
    """Semitones by which all of an exclamation is higher, -12 to 12; its end falls as a statement's."""
    with_tones: bool = False
    """Whether decline and falls were measured with predicted tones: then they apply in proportion to the nuclei with a
    tone, in full from `ENOUGH_TONES` of them on, because a model that reads no tones falls by itself."""
    durations: Mapping[str, float] = field(default_factory=dict)
    """Factor of the duration, 0.5 to 2, of some classes of `SOUNDS`."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            _check(name, getattr(self, name), low, high)
        if not isinstance(self.with_tones, bool):
            raise ValueError(f"with_tones is {shown(self.with_tones)}; it must be true or false")
        if not isinstance(self.durations, Mapping):
            raise ValueError(
                f"durations is {shown(self.durations)}; it must map classes of sounds to factors"
            )
        for kind, factor in self.durations.items():
            if kind not in SOUNDS:
                raise ValueError(f"durations has {shown(kind)}; its classes are {', '.join(SOUNDS)}")
            _check(f"the factor of {kind}", factor, *_FACTORS)

    @property
    def moves_pitch(self) -> bool:
        """Whether `semitones` is not 0 everywhere."""
        return any((self.decline, self.statement_fall, self.question_fall, self.exclamation_rise))

    def semitones(self, ids: Sequence[int]) -> list[float]:
        """Shift [N] of the F0 of each of the phoneme ids [N] of a phrase.

        The decline is a straight line over the nuclei that is 0 in the middle of the phrase. Consonants and tones move
        with the nucleus before them.
        """
        nuclei = _nuclei(ids)
        if not nuclei:
            return [0.0] * len(ids)
        last = max(1, len(nuclei) - 1)
        share = 1.0
        if self.with_tones:
            share = min(1.0, sum(unit in TONE_IDS for unit in ids) / (ENOUGH_TONES * len(nuclei)))
        line = [share * self.decline * (0.5 - place / last) for place in range(len(nuclei))]
        if len(nuclei) == 1:
            line[0] = 0.0
        if ids[-1] == _EXCLAMATION:
            line = [value + self.exclamation_rise for value in line]
        fall = share * (self.question_fall if ids[-1] == _QUESTION else self.statement_fall)
        if ids[-1] in SENTENCE_ENDS:
            line[-1] -= fall
            if len(line) > 1:
                line[-2] -= PENULTIMATE * fall
        starts = [0, *nuclei[1:], len(ids)]
        return [
            value
            for value, (start, end) in zip(line, pairwise(starts), strict=True)
            for _ in range(start, end)
        ]

    def factors(self, ids: Sequence[int]) -> list[float]:
        """Factor [N] of the duration of each of the phoneme ids [N] of a phrase."""
        kinds = sound_classes(ids)
        return [1.0 if kind is None else self.durations.get(kind, 1.0) for kind in kinds]


@dataclass(frozen=True)
class Levels:
    """Curves by speaker and quantity; missing speakers and quantities have no gain."""

    curves: Mapping[str, Mapping[str, Curve]]

    def mean_gain(self, shares: Mapping[str, float], quantity: str, value: float) -> float:
        """Gain in decibels for a mix of speakers with these weights."""
        return sum(share * self.gain(speaker, quantity, value) for speaker, share in shares.items())

    def gain(self, speaker: str, quantity: str, value: float) -> float:
        """Gain in decibels at a value of a quantity."""
        curve = self.curves.get(speaker, {}).get(quantity, ())
        if not curve:
            return 0.0
        if value <= curve[0][0]:
            return curve[0][1]
        for (low, first), (high, last) in pairwise(curve):
            if value <= high:
                return first + (last - first) * (value - low) / (high - low)
        return curve[-1][1]


EVEN = Levels({})
"""No gain at all."""


def sound_classes(ids: Sequence[int]) -> list[str | None]:
    """The class in `SOUNDS` of each of the phoneme ids [N] of a phrase; None for units of no class.

    Two equal vowels in a row are a long one; the two of a long vowel that ends a phrase are both its end.
    """
    found: list[str | None] = ["pause" if unit in MARKS else None for unit in ids]
    if found and found[-1]:
        found[-1] = None  # recordings do not show how long the silence after a sentence is
    sounds = [place for place, unit in enumerate(ids) if unit not in TONE_IDS]
    rank = {place: number for number, place in enumerate(sounds)}
    nuclei = _nuclei(ids)
    for place in nuclei:
        if CLASSES[ids[place]] == "syllabic":
            found[place] = "syllabic_nasal"
            continue
        number = rank[place]
        around = sounds[max(0, number - 1) : number] + sounds[number + 1 : number + 2]
        is_long = any(ids[other] == ids[place] for other in around)
        found[place] = "long_vowel" if is_long else "short_vowel"
    marks = [place for place, unit in enumerate(ids) if unit in MARKS]
    for mark in marks:
        before = [place for place in nuclei if place < mark]
        if not before:
            continue
        kind = "phrase_end"
        if mark == len(ids) - 1 and ids[mark] in SENTENCE_ENDS:
            kind = "question_end" if ids[mark] == _QUESTION else "statement_end"
        last = before[-1]
        pair = [place for place in before[-2:-1] if ids[place] == ids[last] and rank[last] - rank[place] == 1]
        for place in (*pair, last):
            found[place] = kind
    return found


def read_corrections(path: str | Path) -> Corrections:
    """Corrections in a JSON file with one object; raises `VoiceError` for an invalid file."""
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return from_record(record)
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise VoiceError(f"{path}: holds no corrections ({error}); give a JSON object") from error


def from_record(record: Any) -> Corrections:
    """Corrections in a JSON object; raises `ValueError` for other values, unknown fields, and values out of range."""
    if not isinstance(record, dict):
        raise ValueError(f"corrections is {shown(record)}; it must be an object")
    names = [item.name for item in fields(Corrections)]
    for name in record:
        if name not in names:
            raise ValueError(f"corrections has {shown(name)}; its fields are {', '.join(names)}")
    return Corrections(**record)


def check_levels(record: Any, speakers: list[str]) -> None:
    """Raises `ValueError` for a field `levels` of `voice.json` that is not as `Levels.curves` says."""
    if not isinstance(record, dict):
        raise ValueError(f"levels is {shown(record)}; it must be an object")
    for speaker, curves in record.items():
        if speaker not in speakers:
            raise ValueError(f"levels has {shown(speaker)}, who is no speaker of the voice")
        if not isinstance(curves, dict) or not set(curves) <= set(QUANTITIES):
            raise ValueError(f"levels of {speaker} is {shown(curves)}; it may have {', '.join(QUANTITIES)}")
        for quantity, curve in curves.items():
            if not _is_curve(curve):
                raise ValueError(
                    f"levels of {speaker}, {quantity} is {shown(curve)}; it must be points [{quantity}, decibels] in "
                    f"ascending order, with at most {MAX_GAIN_DB:g} decibels"
                )


def _nuclei(ids: Sequence[int]) -> list[int]:
    return [place for place, unit in enumerate(ids) if CLASSES[unit] in NUCLEUS_CLASSES]


def _check(name: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ValueError(f"{name} is {shown(value)}; it must lie between {low:g} and {high:g}")


def _is_curve(curve: Any) -> bool:
    if not isinstance(curve, list) or not curve:
        return False
    for point in curve:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_number, point)):
            return False
    is_ascending = all(first[0] < second[0] for first, second in pairwise(curve))
    return is_ascending and all(abs(point[1]) <= MAX_GAIN_DB for point in curve)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
