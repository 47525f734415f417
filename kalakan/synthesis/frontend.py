"""Text to what an acoustic model reads: sentences as phoneme ids, framed as in training, in padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import TextError
from kalakan.text.phonemes import (
    BOS,
    CLASSES,
    PAD,
    PAUSE_IDS,
    TABLE_SIZE,
    TONE_IDS,
    WORD_BOUNDARY,
    symbol_to_id,
)
from kalakan.text.sentences import split_sentences

FULL_STOP = symbol_to_id(".")
PHRASE_BREAK = symbol_to_id("¦")
SOUND_IDS = frozenset(
    row
    for row, kind in enumerate(CLASSES)
    if kind in ("vowel", "consonant", "nasal", "syllabic", "liquid", "glide")
)
"""Ids that make a sound; a text without any of them cannot be spoken."""
_MARKS = PAUSE_IDS | {PHRASE_BREAK}


class Reader(Protocol):
    """What reads text as phoneme ids; `kalakan.text.twi_g2p.TwiG2P` is one."""

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        """Phoneme ids of a text."""
        ...


@dataclass(frozen=True)
class PhonemeBatch:
    """Sentences side by side."""

    ids: NDArray[np.int64]
    """Phoneme ids [B, N], padded with 0."""
    lengths: NDArray[np.int64]
    """Ids of each sentence [B]."""


class Frontend:
    """Cuts texts into pieces of at most `max_units` phoneme units (about as many as characters) and reads them."""

    def __init__(self, reader: Reader, max_units: int) -> None:
        self.reader = reader
        self.max_units = max_units

    def sequences(self, text: str) -> Iterator[list[int]]:
        """Phoneme ids of each piece of `text`, `<bos>` first and a pause mark last, in order.

        Raises `TextError` if the text holds nothing that can be spoken; only when iteration reaches its end.
        """
        if not isinstance(text, str):
            raise TextError(f"the text is a {type(text).__name__}; it must be a string")
        is_silent = True
        for sentence in split_sentences(text):
            ids = self.reader.text_to_phoneme_sequence(sentence.text)
            _check_ids(ids, sentence.text)
            for piece in split_units(ids, self.max_units):
                if not SOUND_IDS.isdisjoint(piece):
                    is_silent = False
                    yield frame(piece)
        if is_silent:
            what = "the text is empty" if not text.strip() else f"{_shown(text)} holds nothing pronounceable"
            raise TextError(f"{what}; give words or numbers to speak")


def frame(units: Sequence[int]) -> list[int]:
    """Units as in training: `<bos>` first, and a full stop last where there is no pause mark."""
    end = [] if units[-1] in _MARKS else [FULL_STOP]
    return [BOS, *units, *end]


def split_units(units: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Pieces of at most `limit` units and a mark, cut after pause marks, else between words, else between sounds.

    A piece that is cut where no mark stands ends with a phrase break.
    """
    start = 0
    while len(units) - start > limit:
        end = _cut(units, start, start + limit)
        piece = list(units[start:end])
        while piece and piece[-1] == WORD_BOUNDARY:
            piece.pop()
        if piece:
            yield piece if piece[-1] in _MARKS else [*piece, PHRASE_BREAK]
        start = end
    if start < len(units):
        yield list(units[start:])


def pad(sequences: Sequence[Sequence[int]]) -> PhonemeBatch:
    """One padded batch of id sequences."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    ids = np.full((len(sequences), int(lengths.max())), PAD, np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    return PhonemeBatch(ids, lengths)


def _cut(units: Sequence[int], start: int, end: int) -> int:
    """Where to end the piece that begins at `start` and may reach `end`; never in its first third."""
    first = start + (end - start) // 3
    for marks in (_MARKS, {WORD_BOUNDARY}):
        for place in range(end, first, -1):
            if units[place - 1] in marks:
                return place
    place = end
    while place > first and units[place] in TONE_IDS:  # a tone stays with its nucleus
        place -= 1
    return place


def _check_ids(ids: Sequence[Any], text: str) -> None:
    if any(not 0 < value < TABLE_SIZE for value in ids):
        bad = next(value for value in ids if not 0 < value < TABLE_SIZE)
        raise TextError(f"{_shown(text)} was read as phoneme id {bad!r}; ids are 1 to {TABLE_SIZE - 1}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
