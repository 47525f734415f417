"""Timing and tone of each unit of an utterance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kalakan.text.phonemes import NUCLEUS_CLASSES, TONE_IDS, id_to_symbol, phoneme_class

HIGH, LOW, DOWNSTEPPED = "H", "L", "!H"
ORAL_VOWELS = ("i", "ɪ", "e", "ɛ", "æ", "a", "ɔ", "o", "ʊ", "u")
"""Oral vowels, around the vowel space."""


@dataclass(frozen=True)
class Segment:
    """One unit with its timing."""

    symbol: str
    """Its symbol in the phoneme table."""
    kind: str
    """Its class in the phoneme table."""
    tone: str
    """"H", "L", "!H" (downstepped), or "" for a unit without a tone mark."""
    start_s: float
    """Start in seconds."""
    end_s: float
    """End in seconds."""

    def at(self, share: float) -> float:
        """The time in seconds at the fraction `share` (0 to 1) of the unit."""
        return self.start_s + share * (self.end_s - self.start_s)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.end_s - self.start_s


def timeline(ids: Iterable[int], durations: Iterable[int], frame_s: float) -> list[Segment]:
    """Segments of phoneme ids [N] that last `durations` [N] frames of `frame_s` seconds.

    A tone unit becomes the tone of the unit before it.
    """
    segments: list[Segment] = []
    marks: list[set[str]] = []
    frames = 0
    for unit, count in zip(ids, durations, strict=True):
        unit, count = int(unit), int(count)
        if unit in TONE_IDS:
            if marks:
                marks[-1].add(id_to_symbol(unit))
            continue
        start, frames = frames, frames + count
        segment = Segment(id_to_symbol(unit), phoneme_class(unit), "", start * frame_s, frames * frame_s)
        segments.append(segment)
        marks.append(set())
    return [_with_tone(segment, found) for segment, found in zip(segments, marks, strict=True)]


def nuclei(segments: Sequence[Segment]) -> list[Segment]:
    """The units that can carry a tone, in order."""
    return [segment for segment in segments if segment.kind in NUCLEUS_CLASSES]


def _with_tone(segment: Segment, marks: set[str]) -> Segment:
    if not marks:
        return segment
    tone = HIGH if marks == {"˥"} else LOW if marks == {"˩"} else DOWNSTEPPED
    return Segment(segment.symbol, segment.kind, tone, segment.start_s, segment.end_s)
