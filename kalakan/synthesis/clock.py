"""Durations of phonemes to the times of words, sounds and pauses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kalakan.synthesis.frontend import Breath
from kalakan.synthesis.script import Pause
from kalakan.synthesis.timing import Phone, Segment, Sentence
from kalakan.text.phonemes import SYMBOLS, TONE_IDS, WORD_BOUNDARY


def pause_samples(pauses: Sequence[Pause], hop_length: int, sample_rate: int) -> int:
    """Length in samples of consecutive pauses, each rounded to whole frames."""
    return sum(round(pause.seconds * sample_rate / hop_length) * hop_length for pause in pauses)


class Clock:
    """Turns the breaths of one text into its timing, one after the other; knows how much has been spoken."""

    def __init__(self, text: str, hop_length: int, sample_rate: int) -> None:
        self._text = text
        self._hop = hop_length
        self._rate = sample_rate
        self.samples = 0

    def sentence(self, breath: Breath, durations: ArrayLike) -> Sentence:
        """Timing of the next breath, whose ids last `durations` [N] frames, and of the pauses around it."""
        segments = [self._pause(pause) for pause in breath.before]
        ends = self.samples + np.cumsum(np.asarray(durations, np.int64)) * self._hop
        edges = [self.samples, *ends.tolist()]
        segments.extend(self._spoken(breath, edges))
        self.samples = edges[-1]
        segments.extend(self._pause(pause) for pause in breath.after)
        return Sentence(breath.source, tuple(segments))

    def _pause(self, pause: Pause) -> Segment:
        start = self.samples
        self.samples += pause_samples([pause], self._hop, self._rate)
        source = (pause.start, pause.end)
        return Segment("pause", self._text[slice(*source)], source, start, self.samples)

    def _spoken(self, breath: Breath, edges: Sequence[int]) -> list[Segment]:
        segments: list[Segment] = []
        at, place = 0, breath.words[0].source[0] if breath.words else breath.source[0]
        for word in breath.words:
            if word.first > at:
                _add_between(segments, self._gap(breath, at, word.first, edges, place, word.source[0]))
            last = max(word.last, word.first)
            segments.append(self._segment("word", word.source, breath, max(word.first, at), last, edges))
            at, place = max(at, last), word.source[1]
        if at < len(breath.ids):
            _add_between(segments, self._gap(breath, at, len(breath.ids), edges, place, breath.source[1]))
        return segments

    def _gap(
        self, breath: Breath, first: int, last: int, edges: Sequence[int], start: int, end: int
    ) -> Segment:
        """Marks and boundaries between two words; the characters there, if any, without the space around them."""
        written = self._text[start:end] if end > start else ""
        start += len(written) - len(written.lstrip())
        source = (start, start + len(written.strip())) if written.strip() else (start, start)
        if not written.strip():
            source = (min(start, max(start, end)),) * 2
        return self._segment("pause", source, breath, first, last, edges)

    def _segment(
        self, kind: str, source: tuple[int, int], breath: Breath, first: int, last: int, edges: Sequence[int]
    ) -> Segment:
        phones = phones_of(breath.ids[first:last], edges[first : last + 1])
        return Segment(kind, self._text[slice(*source)], source, edges[first], edges[last], phones)


def phones_of(ids: Sequence[int], edges: Sequence[int]) -> tuple[Phone, ...]:
    """Sounds of ids [N] between the samples `edges` [N + 1]; a tone stands with the sound before it."""
    phones: list[Phone] = []
    for unit, start, end in zip(ids, edges[:-1], edges[1:], strict=True):
        symbol = SYMBOLS[unit] or str(unit)
        if unit in TONE_IDS and phones:
            phones[-1] = Phone(phones[-1].symbol + symbol, phones[-1].start, end)
        else:
            phones.append(Phone(symbol, start, end))
    return tuple(phones)


def _add_between(segments: list[Segment], gap: Segment) -> None:
    """Appends what lies between two words; a bare word boundary, which lasts a frame or two, goes with the word
    before it."""
    is_boundary = all(phone.symbol == SYMBOLS[WORD_BOUNDARY] for phone in gap.phones)
    last = segments[-1] if segments else None
    if last is None or not is_boundary or last.kind != "word" or last.end != gap.start or not last.phones:
        segments.append(gap)
        return
    segments[-1] = Segment("word", last.text, last.source, last.start, gap.end, last.phones + gap.phones)
