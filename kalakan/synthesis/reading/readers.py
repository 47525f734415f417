"""The readers that convert text to phoneme ids for the text stage."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kalakan.text.framing import MARKS
from kalakan.text.twi_g2p import Reading, WordSpan


class Reader(Protocol):
    """Converts text to phoneme ids; `kalakan.text.twi_g2p.TwiG2P` is one."""

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        """Phoneme ids of a text."""
        ...


@runtime_checkable
class WordReader(Protocol):
    """A reader that also returns which words the ids belong to, as `TwiG2P` does."""

    @property
    def variety(self) -> str:
        """The variety of Twi for number words: "asante" or "akuapem"."""
        ...

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        """Phoneme ids of a text, and its words; `tones` is "predicted", "written", or None for the reader's own."""
        ...


class SpanReader:
    """Wraps a reader of ids alone as a `WordReader`: the whole text is one word."""

    variety = "asante"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        """See `WordReader`; a reader of ids alone supports only its own language and tones."""
        ids = list(self._reader.text_to_phoneme_sequence(text))
        start = len(text) - len(text.lstrip())
        end = len(text.rstrip())
        sounds = len(ids)
        while sounds and ids[sounds - 1] in MARKS:
            sounds -= 1
        return Reading(ids, [WordSpan(start, end, 0, sounds)] if end > start else [])
