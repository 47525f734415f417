"""Sentences to train a voice on without recordings: Kalakan's own, which end in every onset before every vowel."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import cycle

from kalakan.export.onnx.calibration import TEXTS
from kalakan.text.framing import frame
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P

LONGEST = 300
"""Maximum number of units in a phrase; longer sentences are left out."""
LEAST_PHRASES = 20
"""Minimum number of different phrases to train on; fewer would be memorized."""
HELD_OUT = 10
"""Every tenth phrase is held out for evaluation."""
UNTONED = 4
"""Every fourth sentence is read without predicted tones, or with them if the voice has none by default."""
_ONSETS = [
    "p",
    "b",
    "t",
    "d",
    "k",
    "g",
    "f",
    "s",
    "h",
    "m",
    "n",
    "w",
    "y",
    "r",
    "ky",
    "gy",
    "tw",
    "dw",
    "hy",
    "kw",
]
_VOWELS = "aeɛioɔu"
_TONES = ("", "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING GRAVE ACCENT}")
_CODAS = ("", "", "", "m", "n")


def read_sentences(texts: Sequence[str], tones: str) -> Iterator[list[int]]:
    """Framed ids of all sentences of at most `LONGEST` units; `tones` is the voice's way with unmarked words."""
    reader = TwiG2P()
    other = "written" if tones == "predicted" else "predicted"
    number = 0
    for text in texts:
        for sentence in split_sentences(text):
            number += 1
            way = tones if number % UNTONED else other
            ids = frame(reader.text_to_phoneme_sequence(sentence.text, tones=way))
            if len(ids) <= LONGEST:
                yield ids


def own_texts() -> list[str]:
    """Kalakan's own sentences, and those with other last words: every onset before every vowel, high, low and
    unmarked, before a full stop, a question mark and an exclamation mark."""
    openings = cycle([text.rstrip(".?!").rsplit(" ", 1)[0] for text in TEXTS])
    marks, codas = cycle(".?.!."), cycle(_CODAS)
    made = []
    for tone in _TONES:
        for onset in _ONSETS:
            for vowel in _VOWELS:
                word = unicodedata.normalize("NFC", onset + vowel + tone + next(codas))
                made.append(f"{next(openings)} {word}{next(marks)}")
    return [*TEXTS, *made]


def parted(phrases: Sequence[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """The phrases to train on, and those that are held out."""
    return [ids for place, ids in enumerate(phrases) if place % HELD_OUT], list(phrases[::HELD_OUT])
