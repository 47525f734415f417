"""Finds unread parts of a sentence: characters without a reading, and letters beyond the longest run of one letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kalakan.synthesis.reading.sentences import shown
from kalakan.text.normalizer import normalize_text

_DRAWN = r"([^\W\d_])(?:[\u0300-\u036f]*\1){20}"
UNCOMMON = re.compile(rf"[^\x00-\u024f\u0300-\u036f\u1e00-\u1eff\u2000-\u22ffɛɔƐƆ]|{_DRAWN}", re.IGNORECASE)
"""Text that may be unread or only partly read; checking costs a second reading of the sentence."""


@dataclass(frozen=True)
class Unread:
    """A sentence without a reading, or with characters that have none."""

    text: str
    """The sentence."""
    place: int
    """Its first character in the raw text."""
    characters: str = ""
    """The characters without a reading, in order; empty if the whole sentence has none."""
    drawn: bool = False
    """Whether the characters repeat too often to be read each time."""

    def __str__(self) -> str:
        where = f"{shown(self.text)} at character {self.place}"
        if self.drawn:
            return f"some of the {self.characters} in {where}, more than 20 in a row; write at most 20"
        if self.characters:
            return (
                f"{self.characters} in {shown(self.text)}, which begins at character {self.place}, without a reading; "
                "write it in Latin letters or leave it out"
            )
        return f"{where} holds nothing pronounceable; write it in Latin letters or leave it out"


def find_unread(text: str, place: int, *, signs: bool = False) -> Iterator[Unread]:
    """The unread characters of a sentence, each once and in order: letters and digits, with `signs` also emoji and
    other signs without a name."""
    report: dict[str, int] = {}
    normalize_text(text, report=report)
    lost = sorted(report if signs else filter(str.isalnum, report), key=text.find)
    drawn = {match[1].lower() for match in re.finditer(_DRAWN, text, re.IGNORECASE)}
    for is_drawn in (False, True):
        characters = "".join(character for character in lost if (character.lower() in drawn) == is_drawn)
        if characters:
            yield Unread(text, place, characters, is_drawn)
