"""What the sentences of a script are read as: ids, the words they come from, and how they are to be spoken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kalakan.errors import TextError
from kalakan.synthesis.script import Prosody, Text, Units
from kalakan.text.framing import MARKS
from kalakan.text.phonemes import TABLE_SIZE, WORD_BOUNDARY
from kalakan.text.sentences import split_sentences

STAND_IN = "Ama"
"""What the sentence splitter sees in place of sounds that are given outright: a word like any other."""


class Reader(Protocol):
    """What reads text as phoneme ids; `kalakan.text.twi_g2p.TwiG2P` is one.

    One that also has `read(text, language=None)`, as `TwiG2P` has, tells which words the ids belong to.
    """

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        """Phoneme ids of a text."""
        ...


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
class Passage:
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


def read_passages(reader: Reader, flow: Sequence[Text | Units]) -> Iterator[Passage]:
    """The sentences of parts that follow each other without a pause; a sentence may cross several of them."""
    texts = [part.text if isinstance(part, Text) else STAND_IN for part in flow]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    at = 0
    for sentence in split_sentences("".join(texts)):
        while starts[at + 1] <= sentence.start:
            at += 1
        passage: Passage | None = None
        for index in range(at, len(flow)):
            first = max(sentence.start - starts[index], 0)
            last = min(sentence.end - starts[index], len(texts[index]))
            if first >= last:
                break
            part = flow[index]
            piece = part if isinstance(part, Units) else _slice(part, first, last)
            passage = passage or Passage(_source(piece))
            passage.source = (passage.source[0], _source(piece)[1])
            _read_part(reader, piece, passage, texts[index - 1] if index > at else "")
        if passage is not None:
            yield passage


def _read_part(reader: Reader, part: Text | Units, passage: Passage, before: str) -> None:
    """Appends a part to the passage; `before` is the text that stands before it in the same sentence."""
    if isinstance(part, Units):
        check_ids(part.ids, f"the sounds at {part.start}")
        word = Word((part.start, part.end), 0, len(part.ids))
        passage.extend(part.ids, [word], part.prosody, is_apart=not before or before[-1].isspace())
        return
    is_apart = not before or before[-1].isspace() or part.text[:1].isspace()
    if not is_apart:
        passage.extend(_leading_marks(reader, part.text, passage), [], part.prosody, is_apart=False)
    ids, spans = read_spans(reader, part.text, part.language)
    words = [
        Word((part.places[start], _end_in_source(part, start, end)), first, last)
        for start, end, first, last in spans
    ]
    passage.extend(ids, words, part.prosody, is_apart=is_apart)


def read_spans(
    reader: Any, text: str, language: str | None
) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    """Ids of a text, and its words: first character and the one after the last, first id and the one after the last.

    A reader that only gives ids makes the whole text one word.
    """
    if hasattr(reader, "read"):
        reading = reader.read(text, language)
        ids = list(reading.ids)
        spans = [(word.start, word.end, word.first, word.last) for word in reading.words]
    else:
        ids = list(reader.text_to_phoneme_sequence(text))
        start = len(text) - len(text.lstrip())
        end = len(text.rstrip())
        sounds = len(ids)
        while sounds and ids[sounds - 1] in MARKS:
            sounds -= 1
        spans = [(start, end, 0, sounds)] if end > start else []
    check_ids(ids, text)
    return ids, spans


def check_ids(ids: Sequence[Any], text: str) -> None:
    """Raises `TextError` for an id outside the phoneme table."""
    bad = next((value for value in ids if not 0 < value < TABLE_SIZE), None)
    if bad is not None:
        raise TextError(f"{shown(text)} was read as phoneme id {bad!r}; ids are 1 to {TABLE_SIZE - 1}")


def shown(text: str) -> str:
    """The text for an error message, cut if it is long."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _leading_marks(reader: Reader, text: str, passage: Passage) -> list[int]:
    """The pause mark that stands at the start of a part and belongs to the word before it, which the part's own
    reading cannot know."""
    size = next(
        (index for index, letter in enumerate(text) if letter.isalnum() or letter.isspace()), len(text)
    )
    if not size or not passage.ids or passage.ids[-1] in MARKS:
        return []
    ids = reader.text_to_phoneme_sequence("a" + text[:size])
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
