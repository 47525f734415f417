"""When each word, sound and pause of a synthesis is heard, and which characters of the raw text it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Phone:
    """One sound or mark."""

    symbol: str
    """Symbol of the phoneme table; tones stand with the vowel before them, as in "a˥"."""
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
    """Segments that were spoken in one breath."""

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
    """Samples a second."""
    sentences: tuple[Sentence, ...]
    """In the order they are heard."""

    @property
    def samples(self) -> int:
        """Length of the audio."""
        return self.sentences[-1].end if self.sentences else 0

    @property
    def words(self) -> Iterator[Segment]:
        """The words in order."""
        return (part for sentence in self.sentences for part in sentence.segments if part.kind == "word")
