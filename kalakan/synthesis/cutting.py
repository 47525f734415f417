"""Where a sentence that is too long for one pass is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kalakan.text.phonemes import CLASSES, PAUSE_IDS, TONE_IDS, WORD_BOUNDARY, symbol_to_id

FULL_STOP = symbol_to_id(".")
PHRASE_BREAK = symbol_to_id("¦")
MARKS = PAUSE_IDS | {PHRASE_BREAK}
"""Ids that last as silence."""
SOUND_IDS = frozenset(
    row
    for row, kind in enumerate(CLASSES)
    if kind in ("vowel", "consonant", "nasal", "syllabic", "liquid", "glide")
)
"""Ids that make a sound; a text without any of them cannot be spoken."""


def cut_ranges(units: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """First unit and the one after the last of pieces of at most `limit` units.

    Cut after pause marks, else between words, else between sounds. Only word boundaries lie between the pieces.
    """
    start = 0
    while start < len(units):
        end = _cut(units, start, start + limit) if len(units) - start > limit else len(units)
        last = end
        while last > start and units[last - 1] == WORD_BOUNDARY:
            last -= 1
        if last > start:
            yield start, last
        start = end


def _cut(units: Sequence[int], start: int, end: int) -> int:
    """Where to end the piece that begins at `start` and may reach `end`; never in its first third."""
    first = start + (end - start) // 3
    for marks in (MARKS, {WORD_BOUNDARY}):
        for place in range(end, first, -1):
            if units[place - 1] in marks:
                return place
    place = end
    while place > first and units[place] in TONE_IDS:  # a tone stays with its nucleus
        place -= 1
    return place
