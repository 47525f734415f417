"""Sentence contours: how F0 changes from the beginning to the end of sentences, and how long their sounds last, in
recordings and in a voice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.text.phonemes import CLASSES, NUCLEUS_CLASSES
from kalakan.voices.corrections import SOUNDS, sound_classes

Array = NDArray[np.float64]
KINDS = ("statement", "question")
FEWEST = 5
"""Minimum number of measurements per figure."""
DRAWS = 200
"""Bootstrap resamples of clips for each interval."""
OFF = 0.25
"""Relative difference of durations above which a class is corrected."""
LONGEST_GAP_S = 1.0
"""Longer gaps between two recorded words are breaks in the recording."""


def course(
    f0: Array, index: NDArray[np.int64], place: Array, is_question: NDArray[np.bool_]
) -> dict[str, Any]:
    """F0 contours of sentences from F0 [K] in semitones from each clip's median; NaN where unvoiced.

    `index` [K] is the clip of each nucleus, `place` [K] its position in the sentence from 0 to 1, `is_question` [clips]
    the kind of each. For "statement" and "question": `slope`, semitones from the beginning to the end of a sentence
    without its last two nuclei, and how far the last (`fall`) and the one before it (`before_fall`) lie from that line,
    each with the number of measurements and a 95 % interval over clips.
    """
    from_end = np.zeros(len(index), np.int64)
    for clip in np.unique(index):
        own = np.flatnonzero(index == clip)
        from_end[own] = np.arange(len(own))[::-1]
    found = {}
    for kind in KINDS:
        chosen = np.flatnonzero(is_question == (kind == "question"))
        members = [np.flatnonzero((index == clip) & np.isfinite(f0)) for clip in chosen]

        def figures(members: Sequence[NDArray[np.int64]]) -> dict[str, float]:
            return _course(members, f0, place, from_end)

        rows = np.concatenate([*members, np.zeros(0, np.int64)])
        counts = {
            "slope": int((from_end[rows] > 1).sum()),
            "fall": int((from_end[rows] == 0).sum()),
            "before_fall": int((from_end[rows] == 1).sum()),
        }
        found[kind] = {
            name: {**value, "measurements": counts[name]}
            for name, value in _with_intervals(members, figures).items()
        }
    return found


def _course(
    members: Sequence[NDArray[np.int64]], f0: Array, place: Array, from_end: NDArray[np.int64]
) -> dict[str, float]:
    rows = np.concatenate([*members, np.zeros(0, np.int64)])
    body = rows[from_end[rows] > 1]
    if len(body) < FEWEST:
        return dict.fromkeys(("slope", "fall", "before_fall"), math.nan)
    slope, start = np.polyfit(place[body], f0[body], 1)
    rest = f0[rows] - (start + slope * place[rows])
    figures = {"slope": float(slope)}
    for name, distance in (("fall", 0), ("before_fall", 1)):
        chosen = rest[from_end[rows] == distance]
        figures[name] = float(chosen.mean()) if len(chosen) >= FEWEST else math.nan
    return figures


class Lengths:
    """Durations of the sounds of clips in classes of `kalakan.voices.corrections.SOUNDS`, recorded and synthesized."""

    def __init__(self) -> None:
        self._recorded: list[dict[str, list[float]]] = []
        self._voice: list[dict[str, list[float]]] = []

    def add(self, ids: Sequence[int], recorded: tuple[Array, Array], voice: tuple[Array, Array]) -> None:
        """Adds a clip: its phoneme ids, and the starts and ends in seconds [N] of its nuclei in both."""
        kinds = sound_classes(ids)
        nuclei = [place for place, unit in enumerate(ids) if CLASSES[unit] in NUCLEUS_CLASSES]
        pauses = [place for place, kind in enumerate(kinds) if kind == "pause"]
        gaps = [
            number
            for number in range(1, len(nuclei))
            if any(nuclei[number - 1] < mark < nuclei[number] for mark in pauses)
        ]
        spans = _spans(ids, nuclei, [str(kinds[place]) for place in nuclei])
        is_continuous = {
            number: recorded[0][number] - recorded[1][number - 1] <= LONGEST_GAP_S for number in gaps
        }
        for (starts, ends), clips in ((recorded, self._recorded), (voice, self._voice)):
            found: dict[str, list[float]] = {kind: [] for kind in SOUNDS}
            for first, last, kind in spans:
                found[kind].append(float(ends[last] - starts[first]))
            for number in gaps:
                if is_continuous[number]:
                    found["pause"].append(float(starts[number] - ends[number - 1]))
            clips.append(found)

    def figures(self) -> dict[str, Any]:
        """By class: the number of sounds, mean seconds in both, their correlation, and `ratio`, recorded to
        synthesized, relative to the ratio of all vowels and nasals (`tempo`), with a 95 % interval over clips."""
        if not self._recorded:
            return {}
        clips = [np.array([number]) for number in range(len(self._recorded))]
        whole = _with_intervals(clips, self._ratios)
        found: dict[str, Any] = {"tempo": whole["tempo"]["value"], "r": self._correlation(SOUNDS[:-1])}
        found["classes"] = {}
        for kind in SOUNDS:
            recorded, voice = (np.array(_of(clips, kind)) for clips in (self._recorded, self._voice))
            if len(recorded) >= FEWEST:
                found["classes"][kind] = {
                    "sounds": len(recorded),
                    "recorded_s": float(recorded.mean()),
                    "voice_s": float(voice.mean()),
                    "r": self._correlation([kind]),
                    "ratio": whole[kind]["value"],
                    "interval": whole[kind]["interval"],
                }
        return found

    def _ratios(self, members: Sequence[NDArray[np.int64]]) -> dict[str, float]:
        chosen = [int(number) for member in members for number in member]
        sums = {
            kind: [
                sum(sum(clips[number][kind]) for number in chosen) for clips in (self._recorded, self._voice)
            ]
            for kind in SOUNDS
        }
        recorded, voice = (sum(sums[kind][side] for kind in SOUNDS[:-1]) for side in (0, 1))
        tempo = recorded / voice if voice else math.nan
        return {"tempo": tempo} | {
            kind: one / other / tempo if other else math.nan for kind, (one, other) in sums.items()
        }

    def _correlation(self, kinds: Sequence[str]) -> float:
        one, other = (
            np.array([value for kind in kinds for value in _of(clips, kind)])
            for clips in (self._recorded, self._voice)
        )
        if len(one) < FEWEST or one.std() == 0 or other.std() == 0:
            return math.nan
        return float(np.corrcoef(one, other)[0, 1])


def _spans(ids: Sequence[int], nuclei: Sequence[int], kinds: Sequence[str]) -> list[tuple[int, int, str]]:
    """First and last nucleus of each vowel or nasal, and its class; the two halves of a long vowel are one, because an
    aligner splits them anywhere."""
    spans: list[tuple[int, int, str]] = []
    for number, (place, kind) in enumerate(zip(nuclei, kinds, strict=True)):
        before = spans[-1] if spans else None
        is_second = (
            before is not None
            and before[0] == before[1] == number - 1
            and before[2] == kind != "syllabic_nasal"
            and kind != "short_vowel"
            and ids[nuclei[number - 1]] == ids[place]
        )
        if before is not None and is_second:
            spans[-1] = (before[0], number, kind)
        else:
            spans.append((number, number, kind))
    return spans


def suggested(
    recorded: Mapping[str, Any], voices: Sequence[Mapping[str, Any]], rhythms: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The `kalakan.voices.corrections.Corrections` that would bring an uncorrected voice closer to the recordings: the
    mean of the speakers' differences, if the recordings' interval excludes the voice, and factors for durations that
    differ by `OFF` or more, with an interval that excludes 1. The voice was measured with predicted tones."""
    found: dict[str, Any] = {"with_tones": True}

    def difference(kind: str, name: str) -> float:
        """How much lower the recordings are; 0 if the voice is within their interval."""
        value, (low, high) = recorded[kind][name]["value"], recorded[kind][name]["interval"]
        own = float(np.mean([voice[kind][name]["value"] for voice in voices]))
        return own - value if math.isfinite(low) and not low <= own <= high else 0.0

    found["decline"] = difference("statement", "slope")
    for kind in KINDS:
        found[f"{kind}_fall"] = difference(kind, "fall")
    found["durations"] = {}
    for kind in SOUNDS:
        classes = [rhythm["classes"][kind] for rhythm in rhythms if kind in rhythm.get("classes", {})]
        if not classes:
            continue
        ratio = float(np.mean([item["ratio"] for item in classes]))
        low = float(np.mean([item["interval"][0] for item in classes]))
        high = float(np.mean([item["interval"][1] for item in classes]))
        if abs(ratio - 1) >= OFF and not low <= 1 <= high:
            found["durations"][kind] = round(ratio, 2)
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in found.items()}


def _of(clips: Sequence[Mapping[str, list[float]]], kind: str) -> list[float]:
    return [value for clip in clips for value in clip[kind]]


def _with_intervals(
    members: Sequence[NDArray[np.int64]],
    figures: Callable[[Sequence[NDArray[np.int64]]], Mapping[str, float]],
) -> dict[str, dict[str, Any]]:
    """Figures of all clips, each with its 95 % bootstrap interval over clips."""
    rng = np.random.default_rng(0)
    whole = figures(members)
    draws = [
        figures([members[number] for number in rng.integers(len(members), size=len(members))])
        for _ in range(DRAWS if members else 0)
    ]
    found: dict[str, dict[str, Any]] = {}
    for name, value in whole.items():
        values = np.array([draw[name] for draw in draws])
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]).tolist() if len(values) else (math.nan, math.nan)
        found[name] = {"value": value, "interval": (low, high)}
    return found
