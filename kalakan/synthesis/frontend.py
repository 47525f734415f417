"""Text to what an acoustic model reads: breaths of phoneme ids, framed as in training, in padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import TextError
from kalakan.synthesis.cutting import cut_ranges
from kalakan.synthesis.passage import Passage, Reader, Word, read_passages, shown
from kalakan.synthesis.script import Part, Pause, Prosody, Text, Units, plain_script
from kalakan.text.framing import FULL_STOP, PHRASE_BREAK, SENTENCE_ENDS, frame
from kalakan.text.phonemes import PAD, SOUND_IDS


@dataclass(frozen=True)
class Breath:
    """What is spoken in one pass: a sentence, or a piece of a long one."""

    ids: list[int]
    """Phoneme ids [N], `<bos>` first and a pause mark last."""
    words: tuple[Word, ...]
    """The words that the ids come from, in order, those that make no sound included."""
    prosody: tuple[Prosody, ...]
    """How each id is spoken [N], on top of the request's settings."""
    source: tuple[int, int]
    """Place in the raw text."""
    is_sentence_end: bool = True
    """Whether a sentence ends here, and not only a piece of it."""
    before: tuple[Pause, ...] = ()
    """Silence before it: that which a text begins with."""
    after: tuple[Pause, ...] = ()
    """Silence after it."""

    @property
    def speaker(self) -> str | None:
        """Who speaks; None for the request's speaker."""
        return self.prosody[0].speaker


@dataclass(frozen=True)
class PhonemeBatch:
    """Sentences side by side."""

    ids: NDArray[np.int64]
    """Phoneme ids [B, N], padded with 0."""
    lengths: NDArray[np.int64]
    """Ids of each sentence [B]."""


class Frontend:
    """Reads scripts as breaths of at most `max_units` phoneme units (about as many as characters)."""

    def __init__(self, reader: Reader, max_units: int) -> None:
        self.reader = reader
        self.max_units = max_units

    def sequences(self, text: str) -> Iterator[list[int]]:
        """Phoneme ids of each breath of a plain text; errors as for `breaths`."""
        return (breath.ids for breath in self.breaths(text))

    def breaths(
        self, text: str, script: Sequence[Part] | None = None, sentence_pause: float = 0.0
    ) -> Iterator[Breath]:
        """What is to be spoken of `text` in order, read one breath ahead of what is asked for.

        `script` is what markup says of the text; by default it has none. `sentence_pause` is silence in seconds
        between two sentences. Raises `TextError` if there is nothing that can be spoken; only when iteration reaches
        its end.
        """
        if not isinstance(text, str):
            raise TextError(f"the text is a {type(text).__name__}; it must be a string")
        held: Breath | None = None
        waiting: list[Word] = []  # words without a sound, before the first that has one
        opening: list[Pause] = []
        for item in self._items(plain_script(text) if script is None else script):
            if isinstance(item, Pause):
                if held is None:
                    opening.append(item)
                else:
                    held = replace(held, after=(*held.after, item))
            elif isinstance(item, Breath):
                if held is not None:
                    yield _paused(held, sentence_pause)
                held = _opened(item, waiting, opening)
                waiting, opening = [], []
            elif held is None:
                waiting.extend(item)
            else:
                held = replace(held, words=(*held.words, *_silent(item, len(held.ids))))
        if held is None:
            what = "the text is empty" if not text.strip() else f"{shown(text)} holds nothing pronounceable"
            raise TextError(f"{what}; give words or numbers to speak")
        yield held

    def _items(self, script: Sequence[Part]) -> Iterator[Breath | Pause | list[Word]]:
        """Breaths, pauses, and the words of what has no sound."""
        flows = list(_flows(script))
        last_flow = max(
            (index for index, flow in enumerate(flows) if not isinstance(flow, Pause)), default=-1
        )
        for index, flow in enumerate(flows):
            if isinstance(flow, Pause):
                yield flow
                continue
            goes_on = index < last_flow
            held: Passage | None = None
            for passage in read_passages(self.reader, flow):
                if held is not None:
                    yield from self._breaths_of(held, FULL_STOP)
                held = passage
            if held is not None:
                yield from self._breaths_of(held, PHRASE_BREAK if goes_on else FULL_STOP)

    def _breaths_of(self, passage: Passage, last_mark: int) -> Iterator[Breath | list[Word]]:
        given = 0
        ranges = list(cut_ranges(passage.ids, self.max_units))
        for first, last in ranges:
            is_end = (first, last) == ranges[-1]
            words = _words_within(passage.words, given, first, len(passage.ids) if is_end else last)
            given += sum(word.last <= last for word in passage.words[given : given + len(words)])
            if SOUND_IDS.isdisjoint(passage.ids[first:last]):
                yield list(words)
            else:
                yield _breath(passage, first, last, words, last_mark if is_end else PHRASE_BREAK, is_end)
        if not ranges:
            yield passage.words


def pad(sequences: Sequence[Sequence[int]]) -> PhonemeBatch:
    """One padded batch of id sequences."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    ids = np.full((len(sequences), int(lengths.max())), PAD, np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    return PhonemeBatch(ids, lengths)


def _flows(script: Sequence[Part]) -> Iterator[list[Text | Units] | Pause]:
    """Parts that one speaker says without a pause between them, and the pauses."""
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
    """Words or parts of words of the ids `first` to `last`, from word `given` up to the first that lies behind."""
    found = []
    for word in map(words.__getitem__, range(given, len(words))):  # no copy: a sentence may be a megabyte
        if word.first > last or (word.first == last and word.last > word.first):
            break
        found.append(Word(word.source, max(word.first, first), min(word.last, last)))
    return found


def _breath(
    passage: Passage, first: int, last: int, words: Sequence[Word], mark: int, is_end: bool
) -> Breath:
    ids = frame(passage.ids[first:last], mark)
    prosody = passage.prosody[first:last]
    prosody = [prosody[0], *prosody, *[prosody[-1]] * (len(ids) - 1 - len(prosody))]
    shift = 1 - first  # `<bos>`
    moved = tuple(
        Word(word.source, max(word.first, first) + shift, min(word.last, last) + shift) for word in words
    )
    source = (moved[0].source[0], moved[-1].source[1]) if moved else passage.source
    ends = is_end and (mark == FULL_STOP or ids[-1] in SENTENCE_ENDS)
    return Breath(ids, moved, tuple(prosody), source, ends)


def _silent(words: Sequence[Word], place: int) -> list[Word]:
    return [Word(word.source, place, place) for word in words]


def _opened(breath: Breath, waiting: Sequence[Word], opening: Sequence[Pause]) -> Breath:
    """The first breath with what stands before it in the text."""
    if not waiting and not opening:
        return breath
    return replace(breath, words=(*_silent(waiting, 0), *breath.words), before=tuple(opening))


def _paused(breath: Breath, sentence_pause: float) -> Breath:
    """A breath that another one follows."""
    if not sentence_pause or not breath.is_sentence_end:
        return breath
    end = breath.source[1]
    return replace(breath, after=(Pause(sentence_pause, end, end), *breath.after))
