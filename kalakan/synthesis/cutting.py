"""Where a sentence that is too long for one pass is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kalakan.text.framing import MARKS
from kalakan.text.phonemes import TONE_IDS, WORD_BOUNDARY


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
