"""Values of `prosody` and `emphasis` as speed, pitch, pitch range and volume.

Labels ("slow", "x-high", "loud") set a value regardless of the enclosing one. Numbers change the enclosing value: rates
and ranges multiply; pitches and decibels add. SSML 1.1 (section 3.2.4) defines the order of the labels but not their
values; the values are Kalakan's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from kalakan.errors import MarkupError
from kalakan.synthesis.options import CONTROLS
from kalakan.synthesis.script import Prosody


class OutOfRangeError(MarkupError):
    """A value beyond the limits of a control; `nearest` is the closest valid value."""

    def __init__(self, message: str, nearest: Prosody) -> None:
        super().__init__(message, nearest)  # both, or it cannot be unpickled
        self.nearest = nearest

    def __str__(self) -> str:
        return str(self.args[0])


RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
"""Factor of the tempo."""
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
"""Semitones."""
RANGES = {"x-low": 0.4, "low": 0.7, "medium": 1.0, "default": 1.0, "high": 1.3, "x-high": 1.6}
"""Factor of the width of the melody."""
VOLUMES = {
    "silent": -math.inf,
    "x-soft": -9.0,
    "soft": -4.5,
    "medium": 0.0,
    "default": 0.0,
    "loud": 3.5,
    "x-loud": 7.0,
}
"""Decibels; "silent" is below the limit, which causes a warning."""
EMPHASES = {"strong": (3.0, 2.0), "moderate": (1.5, 1.0), "none": (0.0, 0.0), "reduced": (-2.0, -1.0)}
"""Decibels and semitones that are added."""

_NUMBER = r"\d{1,6}(?:\.\d{0,9})?|\.\d{1,9}"
_FACTOR = re.compile(rf"([+-]?)({_NUMBER})(%?)", re.ASCII)
_PITCH = re.compile(rf"([+-](?:{_NUMBER}))(st|%)", re.ASCII)
_VOLUME = re.compile(rf"([+-](?:{_NUMBER}))dB", re.ASCII)
_CENT = 100.0
_OCTAVE = 12.0


def with_rate(prosody: Prosody, value: str) -> Prosody:
    """`prosody` with the tempo of a `rate`: a label, "120%" or "1.2" (a factor), "+20%" or "-20%" (a change)."""
    if value in RATES:
        return replace(prosody, speed=RATES[value])
    speed = round(prosody.speed * _factor("rate", value, RATES), 9)
    return _checked(replace(prosody, speed=speed), "speed", "rate", value)


def with_range(prosody: Prosody, value: str) -> Prosody:
    """`prosody` with the width of the melody of a `range`: a label, "120%" or "1.2" (a factor), "+20%" or "-20%" (a
    change). Widths in Hz or semitones are not supported: the width of a voice depends on the sentence."""
    if value in RANGES:
        return replace(prosody, pitch_range=RANGES[value])
    width = round(prosody.pitch_range * _factor("range", value, RANGES), 9)
    return _checked(replace(prosody, pitch_range=width), "pitch_range", "range", value)


def with_pitch(prosody: Prosody, value: str) -> Prosody:
    """`prosody` with the shift of a `pitch`: a label, "+2st" or "-2st" (semitones), "+10%" or "-10%"."""
    if value in PITCHES:
        return replace(prosody, pitch=PITCHES[value])
    found = _PITCH.fullmatch(value)
    if not found:
        raise _unknown("pitch", value, PITCHES, "+2st, -2st or +10%")
    shift = float(found[1])
    if found[2] == "%":
        ratio = 1 + shift / _CENT
        shift = _OCTAVE * math.log2(ratio) if ratio > 0 else -math.inf
    return _checked(replace(prosody, pitch=round(prosody.pitch + shift, 9)), "pitch", "pitch", value)


def with_volume(prosody: Prosody, value: str) -> Prosody:
    """`prosody` with the gain of a `volume`: a label, or "+6dB" or "-6dB"."""
    if value in VOLUMES:
        return _checked(replace(prosody, volume=VOLUMES[value]), "volume", "volume", value)
    found = _VOLUME.fullmatch(value)
    if not found:
        raise _unknown("volume", value, VOLUMES, "+6dB or -6dB")
    volume = round(prosody.volume + float(found[1]), 9)
    return _checked(replace(prosody, volume=volume), "volume", "volume", value)


def with_emphasis(prosody: Prosody, level: str) -> Prosody:
    """`prosody` with a `level` of emphasis: a little louder and higher, or softer and lower."""
    if level not in EMPHASES:
        raise _unknown("level", level, EMPHASES)
    volume, pitch = EMPHASES[level]
    raised = replace(prosody, volume=round(prosody.volume + volume, 9), pitch=prosody.pitch + pitch)
    return _checked(_checked(raised, "volume", "level", level), "pitch", "level", level)


def _factor(attribute: str, value: str, labels: Iterable[str]) -> float:
    """The factor of "120%", "1.2", "+20%" or "-20%"."""
    found = _FACTOR.fullmatch(value)
    if not found or (found[1] and not found[3]):
        raise _unknown(attribute, value, labels, "80%, +20%, -20% or 1.2")
    number = float(found[2]) / (_CENT if found[3] else 1.0)
    return {"": number, "+": 1 + number, "-": 1 - number}[found[1]]


def _checked(prosody: Prosody, control: str, attribute: str, value: str) -> Prosody:
    low, high = CONTROLS[control].low, CONTROLS[control].high
    assert low is not None and high is not None, "only numbers have limits"
    reached = getattr(prosody, control)
    if low <= reached <= high:
        return prosody
    advice = "; for silence write <break/>" if value == "silent" else ""
    raise OutOfRangeError(
        f'{attribute}="{value}" gives {control} {reached:g}; it must lie between {low:g} and {high:g}{advice}',
        _within(prosody),
    )


def _within(prosody: Prosody) -> Prosody:
    """The nearest prosody whose numbers all lie within their limits."""
    nearest = {}
    for control in ("speed", "pitch", "pitch_range", "volume"):
        low, high = CONTROLS[control].low, CONTROLS[control].high
        assert low is not None and high is not None, "only numbers have limits"
        nearest[control] = min(max(getattr(prosody, control), low), high)
    return replace(prosody, **nearest)


def _unknown(attribute: str, value: str, labels: Iterable[str], forms: str = "") -> MarkupError:
    known = ", ".join(labels) + (f", or a value such as {forms}" if forms else "")
    return MarkupError(f"{attribute} is {value[:40]!r}; use {known}")
