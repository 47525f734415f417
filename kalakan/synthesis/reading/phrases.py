"""The text stage: turns a text into phrases of phoneme ids, framed as in training."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kalakan.errors import MarkupWarning, SynthesisError, TextError, UnreadableWarning
from kalakan.synthesis.options import SpeakOptions, speaker_shares
from kalakan.synthesis.reading.readers import Reader, SpanReader, WordReader
from kalakan.synthesis.reading.sentences import (
    Break,
    SentenceReading,
    Word,
    is_scene_break,
    pause_of,
    read_sentences,
    shown,
)
from kalakan.synthesis.reading.unread import UNCOMMON, Unread, find_unread
from kalakan.synthesis.script import Part, Pause, Prosody, Text, Units
from kalakan.text.framing import FULL_STOP, MARKS, PHRASE_BREAK, SENTENCE_ENDS, frame
from kalakan.text.phonemes import SOUND_IDS, TONE_IDS, WORD_BOUNDARY, symbol_to_id
from kalakan.text.twi_g2p import check_plain

ELLIPSIS = symbol_to_id("…")
ELLIPSIS_PAUSE_S = 0.2
"""Silence in seconds added after an ellipsis, whose mark alone lasts no longer than a comma."""

_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Phrase:
    """The input of the models in one pass: a sentence, or a part of a long one."""

    ids: list[int]
    """Phoneme ids [N], `<bos>` first and a pause mark last."""
    words: tuple[Word, ...]
    """The words that the ids come from, in order, including words without a sound."""
    prosody: tuple[Prosody, ...]
    """Prosody of each id [N], on top of the request's settings."""
    source: tuple[int, int]
    """Place in the raw text."""
    is_sentence_end: bool = True
    """Whether the end of the phrase is the end of a sentence."""
    before: tuple[Pause, ...] = ()
    """Silence before the phrase, at the start of a text."""
    after: tuple[Pause, ...] = ()
    """Silence after the phrase."""

    @property
    def sounds(self) -> int:
        """Number of vowels and consonants: the quantity "sounds" of a voice's levels."""
        return sum(map(SOUND_IDS.__contains__, self.ids))

    @property
    def speaker(self) -> str | None:
        """The speaker; None for the request's speaker."""
        return self.prosody[0].speaker


class TextStage:
    """Turns text into phrases of at most `max_units` phoneme units (about one per character)."""

    def __init__(self, reader: Reader, max_units: int, speakers: Sequence[str] = ()) -> None:
        """`speakers` are the names that markup may use."""
        self.reader = reader
        self.max_units = max_units
        self.speakers = speakers

    @property
    def reader(self) -> Reader:
        """The grapheme-to-phoneme reader; may be replaced."""
        return self._reader

    @reader.setter
    def reader(self, reader: Reader) -> None:
        self._reader = reader
        self._words: WordReader = reader if isinstance(reader, WordReader) else SpanReader(reader)

    def phrases(self, text: str, options: SpeakOptions | None = None) -> Iterator[Phrase]:
        """The phrases of a text in order, read one ahead of the consumer.

        Of the options, `ssml`, `strict`, `tones`, the pauses and `lead_in` apply here. Sentences without anything
        pronounceable, and letters without a reading, are skipped with an `UnreadableWarning`. An SSML speaker that the
        voice does not have is replaced by the request's speaker with a `MarkupWarning` (SSML 1.1, section 3.2.1). With
        `strict` these raise `TextError` and `SynthesisError`. Raises `MarkupError` for SSML that cannot be read and
        `SynthesisError` immediately, and `TextError` at the end of the iteration if there is nothing
        to synthesize.
        """
        options = options or SpeakOptions()
        script = [self._spoken(text, part, options) for part in self._script(text, options)]
        if options.lead_in:
            script = [Pause(options.lead_in, 0, 0), *script]
        return self.read_script(text, script, options)

    def _script(self, text: str, options: SpeakOptions) -> Sequence[Part]:
        if not isinstance(text, str):
            raise TextError(f"the text is a {type(text).__name__}; it must be a string")
        check_plain(text, "the text")
        if options.ssml:
            from kalakan.synthesis.markup import read_ssml  # here, because plain text needs no XML parser

            return read_ssml(text, variety=self._words.variety, strict=options.strict)
        if "[" in text:
            from kalakan.synthesis.markup import read_markup

            return read_markup(text)
        return [Text(text, range(len(text)), len(text))]

    def _spoken(self, text: str, part: Part, options: SpeakOptions) -> Part:
        """A part with a speaker that the voice has: the request's instead of one that SSML names in vain."""
        if isinstance(part, Pause) or part.prosody.speaker is None:
            return part
        try:
            speaker_shares(part.prosody.speaker, self.speakers)
        except SynthesisError as error:
            from kalakan.synthesis.markup.xml import located

            place = part.start if isinstance(part, Units) else next(iter(part.places), part.end)
            message = located(text, place, str(error))
            if options.strict:
                raise SynthesisError(message) from error
            warnings.warn(f"{message}; the request's speaker reads it", MarkupWarning, stacklevel=3)
            return replace(part, prosody=replace(part.prosody, speaker=None))
        return part

    def read_script(self, text: str, script: Sequence[Part], options: SpeakOptions) -> Iterator[Phrase]:
        """The phrases of `text`, whose markup was read as `script`. Errors and warnings as for `phrases`."""
        held: Phrase | None = None
        between = Break.SENTENCE
        unread: list[Unread] = []
        waiting: list[Word] = []  # words without a sound, before the first word with one
        opening: list[Pause] = []
        for item in self._items(script, options):
            if isinstance(item, Break):
                between = max(between, item)
            elif isinstance(item, Unread):
                if options.strict:
                    raise TextError(str(item))
                unread.append(item)
            elif isinstance(item, Pause):
                if held is None:
                    opening.append(item)
                else:
                    held = replace(held, after=(*held.after, item))
            elif isinstance(item, Phrase):
                _warn_unread(unread)
                if held is not None:
                    yield _paused(held, pause_of(between, options))
                held = _opened(item, waiting, opening)
                waiting, opening, between = [], [], Break.SENTENCE
            elif held is None:
                waiting.extend(item)
            else:
                held = replace(held, words=(*held.words, *_silent(item, len(held.ids))))
        if held is None:
            what = "the text is empty" if not text.strip() else f"{shown(text)} holds nothing pronounceable"
            raise TextError(f"{what}; give words or numbers to speak")
        _warn_unread(unread)
        yield held

    def _items(
        self, script: Sequence[Part], options: SpeakOptions
    ) -> Iterator[Phrase | Pause | Break | Unread | list[Word]]:
        """Phrases, pauses, breaks between sentences, unreadable text, and words without a sound."""
        flows = list(_flows(script))
        last_flow = max(
            (index for index, flow in enumerate(flows) if not isinstance(flow, Pause)), default=-1
        )
        for index, flow in enumerate(flows):
            if isinstance(flow, Pause):
                yield flow
                continue
            goes_on = index < last_flow
            held: SentenceReading | None = None
            for sentence in read_sentences(self._words, flow, options.tones):
                if held is not None:
                    mark = PHRASE_BREAK if held.goes_on else FULL_STOP
                    yield from self._sentence(held, mark, options.strict)
                held = sentence
            if held is not None:
                yield from self._sentence(held, PHRASE_BREAK if goes_on else FULL_STOP, options.strict)
                yield held.closes

    def _sentence(
        self, sentence: SentenceReading, last_mark: int, strict: bool
    ) -> Iterator[Phrase | Break | Unread | list[Word]]:
        yield sentence.opens
        if SOUND_IDS.isdisjoint(sentence.ids):
            if is_scene_break(sentence.text):
                yield Break.SCENE
            elif any(map(str.isalnum, _TAG.sub("", sentence.text))):
                yield Unread(sentence.text, sentence.source[0])
        elif UNCOMMON.search(sentence.text) and not strict:
            yield from find_unread(sentence.text, sentence.source[0])
        if strict:
            yield from find_unread(sentence.text, sentence.source[0], signs=True)
        yield from self._cut(sentence, last_mark)

    def _cut(self, sentence: SentenceReading, last_mark: int) -> Iterator[Phrase | list[Word]]:
        given = 0
        ranges = list(_ranges(sentence.ids, self.max_units))
        for first, last in ranges:
            is_last = (first, last) == ranges[-1]
            words = _words_within(sentence.words, given, first, len(sentence.ids) if is_last else last)
            given += sum(word.last <= last for word in sentence.words[given : given + len(words)])
            if SOUND_IDS.isdisjoint(sentence.ids[first:last]):
                yield list(words)
            else:
                mark = last_mark if is_last else PHRASE_BREAK
                yield _phrase(sentence, first, last, words, mark, is_last and not sentence.goes_on)
        if not ranges:
            yield sentence.words


def _flows(script: Sequence[Part]) -> Iterator[list[Text | Units] | Pause]:
    """Groups of parts with one speaker and no pause between them, and the pauses."""
    flow: list[Text | Units] = []
    for part in script:
        if flow and (isinstance(part, Pause) or part.prosody.speaker != flow[-1].prosody.speaker):
            yield flow
            flow = []
        if isinstance(part, Pause):
            yield part
        elif isinstance(part, Units) or part.text:
            flow.append(part)
    if flow:
        yield flow


def _words_within(words: Sequence[Word], given: int, first: int, last: int) -> list[Word]:
    """Words or parts of words for the ids `first` to `last`, from word `given` up to the first word after them."""
    found = []
    for word in map(words.__getitem__, range(given, len(words))):  # no copy: a sentence may be a megabyte
        if word.first > last or (word.first == last and word.last > word.first):
            break
        found.append(Word(word.source, max(word.first, first), min(word.last, last)))
    return found


def _phrase(
    sentence: SentenceReading, first: int, last: int, words: Sequence[Word], mark: int, is_end: bool
) -> Phrase:
    ids = frame(sentence.ids[first:last], mark)
    prosody = sentence.prosody[first:last]
    prosody = [prosody[0], *prosody, *[prosody[-1]] * (len(ids) - 1 - len(prosody))]
    shift = 1 - first  # `<bos>`
    moved = tuple(
        Word(word.source, max(word.first, first) + shift, min(word.last, last) + shift) for word in words
    )
    source = (moved[0].source[0], moved[-1].source[1]) if moved else sentence.source
    ends = is_end and (mark == FULL_STOP or ids[-1] in SENTENCE_ENDS)
    return Phrase(ids, moved, tuple(prosody), source, ends)


def _silent(words: Sequence[Word], place: int) -> list[Word]:
    return [Word(word.source, place, place) for word in words]


def _opened(phrase: Phrase, waiting: Sequence[Word], opening: Sequence[Pause]) -> Phrase:
    """The first phrase, with what precedes it in the text."""
    if not waiting and not opening:
        return phrase
    return replace(phrase, words=(*_silent(waiting, 0), *phrase.words), before=tuple(opening))


def _paused(phrase: Phrase, between_sentences: float) -> Phrase:
    """A phrase that is followed by another one, with the silence between them in seconds."""
    seconds = between_sentences if phrase.is_sentence_end else 0.0
    if phrase.ids[-1] == ELLIPSIS:
        seconds += ELLIPSIS_PAUSE_S
    if not seconds:
        return phrase
    end = phrase.source[1]
    return replace(phrase, after=(Pause(seconds, end, end), *phrase.after))


def _warn_unread(unread: list[Unread]) -> None:
    """Warns about skipped text, and clears the record of it."""
    for item in unread:
        warnings.warn(f"left out: {item}", UnreadableWarning, stacklevel=2)
    unread.clear()


def _ranges(units: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """`cut_ranges` for the parts that end with an ellipsis."""
    start = 0
    for end in [at + 1 for at, unit in enumerate(units) if unit == ELLIPSIS] + [len(units)]:
        for first, last in cut_ranges(units[start:end], limit):
            yield start + first, start + last
        start = end


def cut_ranges(units: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """First unit, and the one after the last, of parts with at most `limit` units.

    Cuts after pause marks, otherwise between words, otherwise between sounds. Only word boundaries lie between parts.
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
    """Where to end the part that begins at `start` and may reach `end`; never in its first third."""
    first = start + (end - start) // 3
    for marks in (MARKS, {WORD_BOUNDARY}):
        for place in range(end, first, -1):
            if units[place - 1] in marks:
                return place
    place = end
    while place > first and units[place] in TONE_IDS:  # a tone stays with its nucleus
        place -= 1
    return place
