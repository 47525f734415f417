"""The input after markup parsing: stretches of text with their settings, sounds, and pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Prosody:
    """Settings of a stretch of text, on top of those of the whole request."""

    speed: float = 1.0
    """Tempo factor."""
    pitch: float = 0.0
    """Pitch shift in semitones."""
    volume: float = 0.0
    """Gain in decibels."""
    speaker: str | None = None
    """The speaker; None for the request's speaker."""
    pitch_range: float = 1.0
    """Factor of log F0 around the speaker's mean."""


PLAIN = Prosody()
"""Nothing set."""


@dataclass(frozen=True)
class Text:
    """A stretch of text that is read with one set of settings."""

    text: str
    """The text to read: characters of the raw input, or their replacement by markup."""
    places: Sequence[int]
    """Position of each character of `text` in the raw input, in code points; non-decreasing. Characters that markup
    substitutes all have the position of the first character that they replace."""
    end: int
    """Where the stretch ends in the raw input."""
    prosody: Prosody = PLAIN
    """Its settings."""
    language: str | None = None
    """ "tw" or "en" if set by markup; None lets the front end decide word by word."""
    tones: str | None = None
    """ "predicted" or "written" if set by markup; None for the request's choice."""


@dataclass(frozen=True)
class Units:
    """Explicit phonemes."""

    ids: tuple[int, ...]
    """Rows of the phoneme table, without begin and end marks."""
    start: int
    """Start of the replaced stretch in the raw input, in code points."""
    end: int
    """Where it ends."""
    prosody: Prosody = PLAIN
    """Their settings."""


@dataclass(frozen=True)
class Pause:
    """Silence of a given length; it also ends the sentence."""

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
"""One item of a script; a script is the list of parts of an input in order."""
