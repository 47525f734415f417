"""The sentences of a script as they are read: ids, the words they come from, the prosody of each id, and the breaks
between sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from kalakan._rust import split_sentences
from kalakan.errors import TextError
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.readers import WordReader
from kalakan.synthesis.script import PLAIN, Prosody, Text, Units
from kalakan.text.framing import MARKS
from kalakan.text.phonemes import TABLE_SIZE, WORD_BOUNDARY
from kalakan.text.twi_g2p import WordSpan

STAND_IN = "Ama"
"""A placeholder word for explicit phonemes in the input of the sentence splitter."""
READ_AT_ONCE = 4000
"""Maximum number of characters of a sentence read at once, so that a line of megabytes without punctuation needs no
more memory, and no more time before its first sound, than any other text."""
_BLANK_LINE = re.compile(r"(?:\r\n|\n|\r(?!\n)|\u2028)[^\S\r\n]*(?:\r\n|\n|\r|\u2028)|\u2029|\f")
_PARAGRAPH = re.compile(r"</?p(?:\s[^<>]*)?>", re.IGNORECASE)
_RULE = re.compile(r"<hr(?:\s[^<>]*)?/?>", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6}\s|<h[1-6](?:\s[^<>]*)?>", re.IGNORECASE)
_HEADING_END = re.compile(r"</h[1-6]\s*>", re.IGNORECASE)
_SIGNS = re.compile(r"\s*(?:(?:[*_~#•·§—–-]\s*){3,}|(?:[⁂❦❧☙※]\s*)+)")


class Break(IntEnum):
    """What ends between two sentences; if several things end, the largest counts."""

    SENTENCE = 0
    PARAGRAPH = 1
    HEADING = 2
    SCENE = 3


@dataclass(frozen=True)
class Word:
    """Ids that come from one stretch of the raw text."""

    source: tuple[int, int]
    """Position of the stretch: first code point, and the one after the last."""
    first: int
    """First id."""
    last: int
    """Id after the last; equal to `first` for what makes no sound."""


@dataclass
class SentenceReading:
    """A sentence after reading."""

    source: tuple[int, int]
    """Its place in the raw text."""
    text: str = ""
    """The text that was read; empty if the sentence contains explicit phonemes."""
    opens: Break = Break.SENTENCE
    """The break between it and the previous sentence."""
    closes: Break = Break.SENTENCE
    """What ends after the last sentence of its flow."""
    ids: list[int] = field(default_factory=list)
    """Phoneme ids [N], without begin and end marks."""
    words: list[Word] = field(default_factory=list)
    """In order; between and after them are boundaries and pause marks."""
    prosody: list[Prosody] = field(default_factory=list)
    """Prosody of each id [N]."""
    goes_on: bool = False
    """Whether this is a piece of a longer sentence, and not its end."""

    def extend(self, ids: Sequence[int], words: Sequence[Word], prosody: Prosody, *, is_apart: bool) -> None:
        """Appends the reading of a part; `is_apart` if a word boundary separates it from the preceding one."""
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
    """The sentences of parts that follow each other without a pause; a sentence may span several of them.

    A sentence of more than `READ_AT_ONCE` characters is returned in pieces.
    """
    texts = [part.text if isinstance(part, Text) else STAND_IN for part in flow]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    whole = "".join(texts)
    at, before_end, before_text = 0, 0, ""
    ranges = list(_bounded(whole, split_sentences(whole)))
    for row, (start, end, goes_on) in enumerate(ranges):
        while starts[at + 1] <= start:
            at += 1
        pieces: list[Text | Units] = []
        for index in range(at, len(flow)):
            first = max(start - starts[index], 0)
            last = min(end - starts[index], len(texts[index]))
            if first >= last:
                break
            part = flow[index]
            pieces.append(part if isinstance(part, Units) else _slice(part, first, last))
        if pieces:
            is_plain = all(isinstance(piece, Text) for piece in pieces)
            sentence = SentenceReading(
                (_source(pieces[0])[0], _source(pieces[-1])[1]),
                whole[start:end] if is_plain else "",
                break_between(before_text, whole[before_end:start], whole[start:end]),
                goes_on=goes_on,
            )
            if row == len(ranges) - 1:
                sentence.closes = break_between(whole[start:end], whole[end:], "")
            before_end, before_text = end, whole[start:end]
            before = ""
            for run in _runs(pieces):
                _read_run(reader, run, sentence, before, tones)
                before = run[-1].text if isinstance(run[-1], Text) else STAND_IN
            yield sentence


def _bounded(text: str, sentences: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each sentence or piece, and whether the sentence continues after it."""
    for start, end in sentences:
        while end - start > READ_AT_ONCE:
            cut = _cut_place(text, start + READ_AT_ONCE // 2, start + READ_AT_ONCE)
            yield start, cut, True
            start = cut
        yield start, end, False


def _cut_place(text: str, first: int, last: int) -> int:
    """Where to cut a sentence between `first` and `last`: after a comma or colon, otherwise between two words that are
    not numbers, otherwise between two characters of which the second does not modify the first."""

    def is_gap(place: int) -> bool:
        return text[place - 1].isspace() and not text[place].isspace()

    def is_between_words(place: int) -> bool:
        return is_gap(place) and not (text[place - 2].isdigit() and text[place].isdigit())

    def is_after_mark(place: int) -> bool:
        return is_gap(place) and text[place - 2] in ",;:"

    def is_between_characters(place: int) -> bool:
        return not unicodedata.combining(text[place])

    for may_cut in (is_after_mark, is_between_words, is_between_characters):
        found = next((place for place in range(last, first, -1) if may_cut(place)), None)
        if found is not None:
            return found
    return last


def _runs(pieces: Sequence[Text | Units]) -> Iterator[list[Text | Units]]:
    """Pieces that are read together: unchanged text in one language and with one source of tones. A tag between them
    does not split words."""
    run: list[Text | Units] = []
    for piece in pieces:
        last = run[-1] if run else None
        if isinstance(last, Text) and isinstance(piece, Text) and _joins(last, piece):
            run.append(piece)
            continue
        if run:
            yield run
        run = [piece]
    if run:
        yield run


def _joins(first: Text, second: Text) -> bool:
    is_alike = (first.language, first.tones) == (second.language, second.tones)
    return is_alike and _is_written(first) and _is_written(second)


def _is_written(part: Text) -> bool:
    """Whether markup replaced none of the characters of the raw text."""
    return isinstance(part.places, range) or len(set(part.places)) == len(part.places)


def _read_run(
    reader: WordReader,
    run: Sequence[Text | Units],
    sentence: SentenceReading,
    before: str,
    tones: str | None,
) -> None:
    """Appends pieces that are read together; each word gets the settings of the last piece that sets any for it."""
    if len(run) == 1:
        _read_part(reader, run[0], sentence, before, tones)
        return
    texts = [piece for piece in run if isinstance(piece, Text)]
    places = [place for piece in texts for place in piece.places]
    whole = Text(
        "".join(piece.text for piece in texts),
        places,
        texts[-1].end,
        PLAIN,
        texts[0].language,
        texts[0].tones,
    )
    first = len(sentence.prosody)
    words = _read_part(reader, whole, sentence, before, tones)
    owner = [piece.prosody for piece in texts for _ in piece.text]
    for word in words:
        spoken = owner[word.start : word.end]
        set_here = [prosody for prosody in spoken if prosody != texts[0].prosody]
        current = set_here[-1] if set_here else spoken[0]
        for place in range(word.first, word.last):
            sentence.prosody[first + place] = current
    _fill(sentence.prosody, first, texts[0].prosody, words)


def _fill(prosody: list[Prosody], first: int, opening: Prosody, words: Sequence[WordSpan]) -> None:
    """Assigns the settings of the preceding word to ids between words."""
    said = {first + place for word in words for place in range(word.first, word.last)}
    current = opening
    for place in range(first, len(prosody)):
        if place in said:
            current = prosody[place]
        else:
            prosody[place] = current


def _read_part(
    reader: WordReader, part: Text | Units, sentence: SentenceReading, before: str, tones: str | None
) -> Sequence[WordSpan]:
    """Appends a part to the sentence; `before` is the preceding text of the same sentence. Returns the
    words of text, their ids counted from the first that was appended."""
    if isinstance(part, Units):
        check_ids(part.ids, f"the sounds at {part.start}")
        word = Word((part.start, part.end), 0, len(part.ids))
        sentence.extend(part.ids, [word], part.prosody, is_apart=not before or before[-1].isspace())
        return ()
    is_apart = not before or before[-1].isspace() or part.text[:1].isspace()
    appended = len(sentence.ids)
    if not is_apart:
        sentence.extend(_leading_marks(reader, part.text, sentence), [], part.prosody, is_apart=False)
    reading = reader.read(part.text, part.language, part.tones or tones)
    check_ids(reading.ids, part.text)
    words = [
        Word((part.places[start], _end_in_source(part, start, end)), first, last)
        for start, end, first, last in reading.words
    ]
    sentence.extend(reading.ids, words, part.prosody, is_apart=is_apart)
    shift = len(sentence.ids) - len(reading.ids) - appended
    return [WordSpan(word.start, word.end, word.first + shift, word.last + shift) for word in reading.words]


def check_ids(ids: Sequence[Any], text: str) -> None:
    """Raises `TextError` for an id outside the phoneme table."""
    bad = next((value for value in ids if not 0 < value < TABLE_SIZE), None)
    if bad is not None:
        raise TextError(f"{shown(text)} was read as phoneme id {bad!r}; ids are 1 to {TABLE_SIZE - 1}")


def shown(text: str) -> str:
    """The text for an error message, truncated if it is long."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _leading_marks(reader: WordReader, text: str, sentence: SentenceReading) -> list[int]:
    """The pause mark at the start of a part that belongs to the word before it, which the part's own reading does not
    contain."""
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
    return replace(part, text=part.text[first:last], places=part.places[first:last], end=end)


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


def break_between(before: str, gap: str, after: str) -> Break:
    """The break between the sentences `before` and `after`; `gap` is what stands between them."""
    start, end = after.lstrip(), _last_tag(before)
    if is_scene_break(gap) or _RULE.search(gap) or _RULE.fullmatch(end) or _RULE.match(start):
        return Break.SCENE
    if _HEADING.match(before.lstrip()) or _HEADING_END.fullmatch(end):
        return Break.HEADING
    tags = (_PARAGRAPH.search(gap), _PARAGRAPH.fullmatch(end), _PARAGRAPH.match(start))
    if _BLANK_LINE.search(gap) or any(tags):
        return Break.PARAGRAPH
    return Break.SENTENCE


def is_scene_break(sentence: str) -> bool:
    """Whether a text that was split off as a sentence is the line of signs between two scenes."""
    return _SIGNS.fullmatch(sentence) is not None


def pause_of(kind: Break, options: SpeakOptions) -> float:
    """Silence in seconds at a break, in addition to the pause that the voice makes."""
    more = (0.0, options.paragraph_pause, options.heading_pause, options.scene_pause)
    return options.sentence_pause + more[kind]


def _last_tag(sentence: str) -> str:
    """The tag at the end of a sentence, if there is one."""
    return "<" + sentence.rstrip().rpartition("<")[2]
