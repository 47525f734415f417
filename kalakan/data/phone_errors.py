"""Phone errors: what was said and what was heard, aligned sound by sound and counted."""

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
"""A sound said, and the one heard in its place; None for one that is missing on that side."""
_MARKS = "\N{COMBINING VERTICAL LINE BELOW}\N{COMBINING TILDE}"
"""What tells a syllabic nasal from another, and a nasal vowel from an oral one: hardly audible by itself."""


def sounds_of(units: Iterable[str]) -> list[str]:
    """The sounds of units as they are compared: without tones, pauses and boundaries; n̩ is n, ã is a; and two of the
    same are one, as a recognizer cannot tell a long sound from two."""
    return [sound for sound, _ in groupby(filter(None, map(_plain, units)))]


def sounds_of_ids(rows: Iterable[int]) -> list[str]:
    """`sounds_of` phoneme ids, of which a recognizer may give any, reserved ones included: they are no sounds."""
    return sounds_of(id_to_symbol(row) for row in rows if row in SOUND_IDS)


@lru_cache(maxsize=256)
def _plain(unit: str) -> str:
    """A unit as it is compared; "" for one that is no sound."""
    if symbol_to_id(unit) not in SOUND_IDS:
        return ""
    kept = "".join(sign for sign in unicodedata.normalize("NFD", unit) if sign not in _MARKS)
    return unicodedata.normalize("NFC", kept)


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The pairs of an alignment with the fewest errors (V. Levenshtein 1966)."""
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
    """How often each sound was heard as which."""

    def add(self, pairs: Iterable[Pair]) -> None:
        """Counts the pairs of an utterance."""
        self.pairs.update(pairs)

    @property
    def phones(self) -> int:
        """Sounds that were said."""
        return sum(count for (said, _), count in self.pairs.items() if said is not None)

    @property
    def substituted(self) -> int:
        """Sounds heard as another."""
        return sum(count for (said, heard), count in self.pairs.items() if said and heard and said != heard)

    @property
    def deleted(self) -> int:
        """Sounds that were not heard."""
        return sum(count for (_, heard), count in self.pairs.items() if heard is None)

    @property
    def inserted(self) -> int:
        """Sounds heard that were not said."""
        return sum(count for (said, _), count in self.pairs.items() if said is None)

    @property
    def rate(self) -> float:
        """Errors for each sound that was said; NaN where nothing was."""
        phones = self.phones
        return (self.substituted + self.deleted + self.inserted) / phones if phones else float("nan")

    def count_of(self, sound: str) -> int:
        """How often a sound was said."""
        return sum(count for (said, _), count in self.pairs.items() if said == sound)

    def confusions(self, most: int) -> list[tuple[Pair, int]]:
        """The most frequent errors, and how often each occurred."""
        wrong = Counter({pair: count for pair, count in self.pairs.items() if pair[0] != pair[1]})
        return sorted(wrong.items(), key=lambda item: (-item[1], str(item[0])))[:most]


class Ear(Protocol):
    """A recognizer, such as `kalakan.recognition.PhoneRecognizer`; other processes get a copy of it."""

    @property
    def sha256(self) -> str:
        """Hash of its weights."""
        ...

    def compare(self, audio: NDArray[np.float32], rate: int, units: Iterable[str]) -> list[Pair]:
        """What the units of audio [S] were heard as, sound by sound."""
        ...
