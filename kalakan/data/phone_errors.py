"""Phone errors: aligns reference and recognized phones, and counts the differences."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kalakan.text.phonemes import SOUND_IDS, id_to_symbol, symbol_to_id

Pair = tuple[str | None, str | None]
"""A reference phone, and the recognized one in its place; None on the side where it is missing."""
_MARKS = "\N{COMBINING VERTICAL LINE BELOW}\N{COMBINING TILDE}"
"""Marks of syllabic nasals and nasal vowels, which are hardly audible by themselves."""


def sounds_of(units: Iterable[str]) -> list[str]:
    """The phones of units for comparison: without tones, pauses and boundaries; n̩ becomes n, ã becomes a; and repeated
    phones become one, because a recognizer cannot distinguish a long sound from two."""
    return [sound for sound, _ in groupby(filter(None, map(_plain, units)))]


def sounds_of_ids(rows: Iterable[int]) -> list[str]:
    """`sounds_of` for phoneme ids; a recognizer may return any id, and reserved ones are dropped."""
    return sounds_of(id_to_symbol(row) for row in rows if row in SOUND_IDS)


@lru_cache(maxsize=256)
def _plain(unit: str) -> str:
    """A unit as it is compared; "" if it is not a sound."""
    if symbol_to_id(unit) not in SOUND_IDS:
        return ""
    kept = "".join(sign for sign in unicodedata.normalize("NFD", unit) if sign not in _MARKS)
    return unicodedata.normalize("NFC", kept)


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The pairs of the alignment with the fewest errors (V. Levenshtein 1966)."""
    rows, columns = len(said), len(heard)
    names = {name: number for number, name in enumerate({*said, *heard})}
    others = np.array([names[name] for name in heard], np.int64)
    places = np.arange(columns + 1)
    costs = np.zeros((rows + 1, columns + 1), np.int64)
    costs[0] = places
    for row, name in enumerate(said):
        best = costs[row] + 1
        best[1:] = np.minimum(best[1:], costs[row, :-1] + (others != names[name]))
        costs[row + 1] = np.minimum.accumulate(best - places) + places
    pairs: list[Pair] = []
    row, column = rows, columns
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + (said[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((said[row], heard[column]))
        elif row and here == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((said[row], None))
        else:
            column -= 1
            pairs.append((None, heard[column]))
    return pairs[::-1]


@dataclass
class PhoneErrors:
    """Counts over any number of utterances."""

    pairs: Counter[Pair] = field(default_factory=Counter)
    """Counts of recognized phones for each reference phone."""

    def add(self, pairs: Iterable[Pair]) -> None:
        """Counts the pairs of an utterance."""
        self.pairs.update(pairs)

    @property
    def phones(self) -> int:
        """Number of reference phones."""
        return sum(count for (said, _), count in self.pairs.items() if said is not None)

    @property
    def substituted(self) -> int:
        """Number of substituted phones."""
        return sum(count for (said, heard), count in self.pairs.items() if said and heard and said != heard)

    @property
    def deleted(self) -> int:
        """Number of deleted phones."""
        return sum(count for (_, heard), count in self.pairs.items() if heard is None)

    @property
    def inserted(self) -> int:
        """Number of inserted phones."""
        return sum(count for (said, _), count in self.pairs.items() if said is None)

    @property
    def rate(self) -> float:
        """Errors per reference phone; NaN without any."""
        phones = self.phones
        return (self.substituted + self.deleted + self.inserted) / phones if phones else float("nan")

    def count_of(self, sound: str) -> int:
        """Number of occurrences of a reference phone."""
        return sum(count for (said, _), count in self.pairs.items() if said == sound)

    def confusions(self, most: int) -> list[tuple[Pair, int]]:
        """The most frequent errors, and how often each occurred."""
        wrong = Counter({pair: count for pair, count in self.pairs.items() if pair[0] != pair[1]})
        return sorted(wrong.items(), key=lambda item: (-item[1], str(item[0])))[:most]


class Ear(Protocol):
    """A recognizer, such as `kalakan.recognition.PhoneRecognizer`; must be picklable for other processes."""

    @property
    def sha256(self) -> str:
        """Hash of its weights."""
        ...

    def compare(self, audio: NDArray[np.float32], rate: int, units: Iterable[str]) -> list[Pair]:
        """The recognized phones for the units of audio [S], aligned sound by sound."""
        ...
