"""When each word, sound and pause of a synthesis begins and ends, and which raw characters it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import SynthesisError
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.script import Pause
from kalakan.text.phonemes import SYMBOLS, TONE_IDS, WORD_BOUNDARY


@dataclass(frozen=True)
class Phone:
    """One sound or mark."""

    symbol: str
    """Symbol of the phoneme table; tones are joined to the vowel before them, as in "a˥"."""
    start: int
    """First sample."""
    end: int
    """Sample after the last."""


@dataclass(frozen=True)
class Segment:
    """A word, a group of words that numbers or repairs joined, or a pause."""

    kind: str
    """ "word" or "pause"."""
    text: str
    """The characters of the raw text that it comes from; empty for a pause that is not written."""
    source: tuple[int, int]
    """Their place in the raw text: first code point, and the one after the last."""
    start: int
    """First sample."""
    end: int
    """Sample after the last; equal to `start` for what makes no sound."""
    phones: tuple[Phone, ...] = ()
    """Its sounds, which follow each other without a gap from `start` to `end`."""


@dataclass(frozen=True)
class Sentence:
    """The segments of one phrase."""

    source: tuple[int, int]
    """Place in the raw text: first code point, and the one after the last."""
    segments: tuple[Segment, ...]
    """Its words and pauses, which follow each other without a gap."""

    @property
    def start(self) -> int:
        """First sample."""
        return self.segments[0].start

    @property
    def end(self) -> int:
        """Sample after the last."""
        return self.segments[-1].end


@dataclass(frozen=True)
class Timing:
    """Timing of one audio: the sentences follow each other without a gap from sample 0 to its end."""

    sample_rate: int
    """Sample rate in Hz."""
    sentences: tuple[Sentence, ...]
    """The sentences in order."""

    @property
    def samples(self) -> int:
        """Length of the audio."""
        return self.sentences[-1].end if self.sentences else 0

    @property
    def words(self) -> tuple[Segment, ...]:
        """The words in order."""
        return tuple(part for sentence in self.sentences for part in sentence.segments if part.kind == "word")


@dataclass(frozen=True, eq=False)
class PhraseTiming:
    """The data from which `sentence` computes the timing of one phrase."""

    text: str
    """The raw text that contains the phrase."""
    phrase: Phrase
    """The phrase, with the pauses around it."""
    durations: NDArray[np.int64] | None
    """Frames of each id [N]; None for an acoustic model without durations."""
    start: int
    """First sample of the phrase, including the pause before it."""
    hop_length: int
    """Samples per frame."""
    sample_rate: int
    """Sample rate in Hz."""

    def sentence(self) -> Sentence:
        """Timing of the phrase and the pauses around it; raises `SynthesisError` if there are no durations."""
        if self.durations is None:
            raise SynthesisError(
                "this acoustic model does not say how long its phonemes last; ask for audio only"
            )
        segments, at = [], self.start
        for pause in self.phrase.before:
            segments.append(self._pause(pause, at))
            at = segments[-1].end
        ends = at + np.cumsum(self.durations) * self.hop_length
        edges = [at, *ends.tolist()]
        segments.extend(self._sounds(edges))
        at = edges[-1]
        for pause in self.phrase.after:
            segments.append(self._pause(pause, at))
            at = segments[-1].end
        return Sentence(self.phrase.source, tuple(segments))

    def sample_at(self, place: int) -> int:
        """First sample of the first segment at or after code point `place` of the raw text.

        For an acoustic model without durations, the first sample of the phrase.
        """
        if self.durations is None:
            return self.start
        segments = self.sentence().segments
        return next((part.start for part in segments if part.source[0] >= place), segments[-1].end)

    def _pause(self, pause: Pause, start: int) -> Segment:
        end = start + pause.samples(self.hop_length, self.sample_rate)
        source = (pause.start, pause.end)
        return Segment("pause", self.text[slice(*source)], source, start, end)

    def _sounds(self, edges: Sequence[int]) -> list[Segment]:
        """Words and the segments between them; id n lasts from sample `edges[n]` to `edges[n + 1]`."""
        phrase, segments = self.phrase, list[Segment]()
        at, place = 0, phrase.words[0].source[0] if phrase.words else phrase.source[0]
        for word in phrase.words:
            if word.first > at:
                _add_between(segments, self._gap(at, word.first, edges, place, word.source[0]))
            last = max(word.last, word.first)
            segments.append(self._segment("word", word.source, max(word.first, at), last, edges))
            at, place = max(at, last), word.source[1]
        if at < len(phrase.ids):
            _add_between(segments, self._gap(at, len(phrase.ids), edges, place, phrase.source[1]))
        return segments

    def _gap(self, first: int, last: int, edges: Sequence[int], start: int, end: int) -> Segment:
        """Marks and boundaries between two words; the characters there, if any, without the space around them."""
        written = self.text[start:end] if end > start else ""
        start += len(written) - len(written.lstrip())
        source = (start, start + len(written.strip())) if written.strip() else (start, start)
        if not written.strip():
            source = (min(start, max(start, end)),) * 2
        return self._segment("pause", source, first, last, edges)

    def _segment(
        self, kind: str, source: tuple[int, int], first: int, last: int, edges: Sequence[int]
    ) -> Segment:
        phones = phones_of(self.phrase.ids[first:last], edges[first : last + 1])
        return Segment(kind, self.text[slice(*source)], source, edges[first], edges[last], phones)


def phones_of(ids: Sequence[int], edges: Sequence[int]) -> tuple[Phone, ...]:
    """Sounds of ids [N] between the samples `edges` [N + 1]; a tone is joined to the sound before it."""
    phones: list[Phone] = []
    for unit, start, end in zip(ids, edges[:-1], edges[1:], strict=True):
        symbol = SYMBOLS[unit] or str(unit)
        if unit in TONE_IDS and phones:
            phones[-1] = Phone(phones[-1].symbol + symbol, phones[-1].start, end)
        else:
            phones.append(Phone(symbol, start, end))
    return tuple(phones)


def _add_between(segments: list[Segment], gap: Segment) -> None:
    """Appends the segment between two words; a bare word boundary, which lasts a frame or two, is merged into the
    word before it."""
    is_boundary = all(phone.symbol == SYMBOLS[WORD_BOUNDARY] for phone in gap.phones)
    last = segments[-1] if segments else None
    if last is None or not is_boundary or last.kind != "word" or last.end != gap.start or not last.phones:
        segments.append(gap)
        return
    segments[-1] = Segment("word", last.text, last.source, last.start, gap.end, last.phones + gap.phones)
