"""What is to be spoken, once markup is read: stretches of text with their settings, sounds, and pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Prosody:
    """Settings of a stretch of text, on top of those of the whole request."""

    speed: float = 1.0
    """Factor of the tempo."""
    pitch: float = 0.0
    """Shift in semitones."""
    volume: float = 0.0
    """Gain in decibels."""
    speaker: str | None = None
    """Who speaks; None for the request's speaker."""


PLAIN = Prosody()
"""Nothing set."""


@dataclass(frozen=True)
class Text:
    """A stretch of text that is read with one set of settings."""

    text: str
    """What is read: characters of the raw input, or what markup puts in their place."""
    places: Sequence[int]
    """Where each character of `text` stands in the raw input, in code points; never falling. Characters that markup
    put in place of others all stand at the first of them."""
    end: int
    """Where the stretch ends in the raw input."""
    prosody: Prosody = PLAIN
    """How it is spoken."""
    language: str | None = None
    """ "tw" or "en" where markup says so; None lets the front-end decide word by word."""


@dataclass(frozen=True)
class Units:
    """Sounds given outright."""

    ids: tuple[int, ...]
    """Rows of the phoneme table, without begin and end marks."""
    start: int
    """Where the stretch that they stand for begins in the raw input, in code points."""
    end: int
    """Where it ends."""
    prosody: Prosody = PLAIN
    """How they are spoken."""


@dataclass(frozen=True)
class Pause:
    """Silence of a given length; it also ends a sentence's flow where it stands."""

    seconds: float
    """Its length."""
    start: int
    """Where it is written in the raw input, in code points."""
    end: int
    """Where that ends."""

    def samples(self, hop_length: int, sample_rate: int) -> int:
        """Its length in samples, rounded to whole frames."""
        return round(self.seconds * sample_rate / hop_length) * hop_length


Part = Text | Units | Pause
"""One item of a script: a script is the parts of an input in their order."""
