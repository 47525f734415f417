"""How a text is to be spoken: speaker, speed, pitch, energy, pauses, seed; checked once, at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from kalakan.errors import SynthesisError

LIMITS = {"speed": (0.5, 2.0), "pitch": (-12.0, 12.0), "energy": (0.25, 4.0), "sentence_pause": (0.0, 60.0)}
"""Smallest and largest value of each control; outside them a voice no longer sounds like speech."""
_UNITS = {"speed": "", "pitch": " semitones", "energy": "", "sentence_pause": " seconds"}
SEEDS = 1 << 32
"""Seeds are 0 to one less than this."""


@dataclass(frozen=True)
class Controls:
    """Settings of one request; building one raises `SynthesisError` for a value out of range."""

    speaker: int = 0
    """Row of the speaker in the voice."""
    speed: float = 1.0
    """Factor of the tempo, 0.5 to 2."""
    pitch: float = 0.0
    """Shift in semitones, -12 to 12."""
    energy: float = 1.0
    """Factor of the amplitude that the model speaks with, 0.25 to 4."""
    sentence_pause: float = 0.0
    """Silence in seconds, 0 to 60, that is added between two sentences."""
    seed: int = 0
    """What the vocoder's noise begins with, 0 to 2^32 - 1; the same seed gives the same samples."""

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not is_number(value) or not low <= value <= high:
                unit = _UNITS[name]
                raise SynthesisError(f"{name} is {value!r}; it must lie between {low:g} and {high:g}{unit}")
        if not is_whole(self.seed) or not 0 <= self.seed < SEEDS:
            raise SynthesisError(
                f"seed is {self.seed!r}; it must be a whole number between 0 and {SEEDS - 1}"
            )


def is_number(value: Any) -> bool:
    """Whether a value is a real number, numpy's scalars included; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, numpy's scalars included; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def within(name: str, value: float) -> float:
    """The value, or the limit of the control `name` that it lies beyond: request and markup together may go there."""
    low, high = LIMITS[name]
    return min(max(value, low), high)


def speaker_row(speaker: str | None, speakers: Sequence[str]) -> int:
    """Row of a speaker's name in `speakers`, 0 for None; raises `SynthesisError` with the names there are."""
    if speaker is None:
        return 0
    if speaker not in speakers:
        raise SynthesisError(f"speaker {speaker!r} is not in this voice; choose one of {', '.join(speakers)}")
    return list(speakers).index(speaker)
