"""The sentences of a script as they are read: ids, the words they come from, and the prosody of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from kalakan._rust import split_sentences
from kalakan.errors import TextError
from kalakan.synthesis.script import Prosody, Text, Units
from kalakan.text.framing import MARKS
from kalakan.text.phonemes import TABLE_SIZE, WORD_BOUNDARY
from kalakan.text.twi_g2p import Reading, WordSpan

STAND_IN = "Ama"
"""What the sentence splitter sees in place of sounds that are given outright: a word like any other."""


class Reader(Protocol):
    """What reads text as phoneme ids; `kalakan.text.twi_g2p.TwiG2P` is one."""

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        """Phoneme ids of a text."""
        ...


@runtime_checkable
class WordReader(Protocol):
    """A reader that also tells which words the ids belong to, as `TwiG2P` does."""

    @property
    def variety(self) -> str:
        """Whose number words it reads: "asante" or "akuapem"."""
        ...

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        """Phoneme ids of a text, and its words; `tones` is "predicted", "written", or None for the reader's own."""
        ...


class SpanReader:
    """A `WordReader` of a reader that only gives ids: the whole text is one word."""

    variety = "asante"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def read(self, text: str, language: str | None = None, tones: str | None = None) -> Reading:
        """See `WordReader`; a reader of ids alone knows no languages and no tones but its own."""
        ids = list(self._reader.text_to_phoneme_sequence(text))
        start = len(text) - len(text.lstrip())
        end = len(text.rstrip())
        sounds = len(ids)
        while sounds and ids[sounds - 1] in MARKS:
            sounds -= 1
        return Reading(ids, [WordSpan(start, end, 0, sounds)] if end > start else [])


@dataclass(frozen=True)
class Word:
    """Ids that come from one stretch of the raw text."""

    source: tuple[int, int]
    """The stretch: first code point, and the one after the last."""
    first: int
    """First id."""
    last: int
    """Id after the last; equal to `first` for what makes no sound."""


@dataclass
class SentenceReading:
    """A sentence as it was read."""

    source: tuple[int, int]
    """Its place in the raw text."""
    ids: list[int] = field(default_factory=list)
    """Phoneme ids [N], without begin and end marks."""
    words: list[Word] = field(default_factory=list)
    """In order; between and after them stand boundaries and pause marks."""
    prosody: list[Prosody] = field(default_factory=list)
    """How each id is spoken [N]."""

    def extend(self, ids: Sequence[int], words: Sequence[Word], prosody: Prosody, *, is_apart: bool) -> None:
        """Appends what a part was read as; `is_apart` where a word boundary stands between the two."""
        if is_apart and ids and self.ids and self.ids[-1] not in MARKS:
            self.ids.append(WORD_BOUNDARY)
            self.prosody.append(prosody)
        offset = len(self.ids)
        for word in words:
            shifted = Word(word.source, word.first + offset, word.last + offset)
            before = self.words[-1] if self.words else None
            if before is not None and before.source == word.source:
                self.words[-1] = Word(word.source, before.first, max(before.last, shifted.last))
            else:
                self.words.append(shifted)
        self.ids.extend(ids)
        self.prosody.extend([prosody] * len(ids))


def read_sentences(
    reader: WordReader, flow: Sequence[Text | Units], tones: str | None = None
) -> Iterator[SentenceReading]:
    """The sentences of parts that follow each other without a pause; a sentence may cross several of them."""
    texts = [part.text if isinstance(part, Text) else STAND_IN for part in flow]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    at = 0
    for start, end in split_sentences("".join(texts)):
        while starts[at + 1] <= start:
            at += 1
        sentence: SentenceReading | None = None
        for index in range(at, len(flow)):
            first = max(start - starts[index], 0)
            last = min(end - starts[index], len(texts[index]))
            if first >= last:
                break
            part = flow[index]
            piece = part if isinstance(part, Units) else _slice(part, first, last)
            sentence = sentence or SentenceReading(_source(piece))
            sentence.source = (sentence.source[0], _source(piece)[1])
            _read_part(reader, piece, sentence, texts[index - 1] if index > at else "", tones)
        if sentence is not None:
            yield sentence


def _read_part(
    reader: WordReader, part: Text | Units, sentence: SentenceReading, before: str, tones: str | None
) -> None:
    """Appends a part to the sentence; `before` is the text that stands before it in the same sentence."""
    if isinstance(part, Units):
        check_ids(part.ids, f"the sounds at {part.start}")
        word = Word((part.start, part.end), 0, len(part.ids))
        sentence.extend(part.ids, [word], part.prosody, is_apart=not before or before[-1].isspace())
        return
    is_apart = not before or before[-1].isspace() or part.text[:1].isspace()
    if not is_apart:
        sentence.extend(_leading_marks(reader, part.text, sentence), [], part.prosody, is_apart=False)
    reading = reader.read(part.text, part.language, tones)
    check_ids(reading.ids, part.text)
    words = [
        Word((part.places[start], _end_in_source(part, start, end)), first, last)
        for start, end, first, last in reading.words
    ]
    sentence.extend(reading.ids, words, part.prosody, is_apart=is_apart)


def check_ids(ids: Sequence[Any], text: str) -> None:
    """Raises `TextError` for an id outside the phoneme table."""
    bad = next((value for value in ids if not 0 < value < TABLE_SIZE), None)
    if bad is not None:
        raise TextError(f"{shown(text)} was read as phoneme id {bad!r}; ids are 1 to {TABLE_SIZE - 1}")


def shown(text: str) -> str:
    """The text for an error message, cut if it is long."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _leading_marks(reader: WordReader, text: str, sentence: SentenceReading) -> list[int]:
    """The pause mark that stands at the start of a part and belongs to the word before it, which the part's own
    reading cannot know."""
    size = next(
        (index for index, letter in enumerate(text) if letter.isalnum() or letter.isspace()), len(text)
    )
    if not size or not sentence.ids or sentence.ids[-1] in MARKS:
        return []
    ids = reader.read("a" + text[:size]).ids
    return ids[-1:] if ids[-1] in MARKS else []


def _slice(part: Text, first: int, last: int) -> Text:
    if first == 0 and last == len(part.text):
        return part
    end = part.end if last == len(part.text) else part.places[last - 1] + 1
    return Text(part.text[first:last], part.places[first:last], end, part.prosody, part.language)


def _source(part: Text | Units) -> tuple[int, int]:
    if isinstance(part, Units):
        return part.start, part.end
    return part.places[0], _end_in_source(part, 0, len(part.text))


def _end_in_source(part: Text, start: int, end: int) -> int:
    """Where characters `start` to `end` of a part end in the raw text."""
    place = part.places[end - 1]
    is_replaced = part.places[start] == place and (end - start > 1 or len(part.text) == 1)
    if not is_replaced:
        return place + 1
    return next((later for later in part.places[end:] if later > place), part.end)
