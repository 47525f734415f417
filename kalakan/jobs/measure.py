"""Facts about the audio of a row that reveal problems without listening to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.meter import loudness
from kalakan.data.phone_errors import Pair, PhoneErrors
from kalakan.synthesis.subtitles.visible import Visible, clean

FRAME_S = 0.01
SILENT_DB = -40.0
"""A frame this far below the loudest one is silent, in decibels."""
FULL_SCALE = 1.0 - 2.0**-15
"""Amplitude at which a 16-bit sample is clipped."""
SLOWEST, FASTEST = 6.0, 30.0
"""Plausible range of characters per second at speed 1."""
MOST_SILENCE = 0.5
"""Largest plausible fraction of silence."""
WORD = 4
"""Number of consecutive missing or added phones that indicates a skipped or repeated word. The total number of errors
depends more on the recognizer than on the row."""


@dataclass(frozen=True)
class Measured:
    """The measurements of a row."""

    seconds: float
    """Duration."""
    chars_per_second: float
    """Characters of the text, without markup, per second."""
    peak: float
    """Largest amplitude."""
    clipped: int
    """Number of samples at full scale."""
    silence: float
    """Fraction of silent frames."""
    loudness: float | None
    """Integrated loudness in LUFS; None for silence."""
    phone_errors: float | None = None
    """Phone error rate: substituted, missing or added phones per phone of the text; None without a recognizer."""
    skipped: int | None = None
    """Longest run of missing phones."""
    repeated: int | None = None
    """Longest run of added phones."""


def measured(audio: NDArray[np.float32], rate: int, text: str) -> Measured:
    """Facts about audio [S] of a text."""
    size = np.abs(audio)
    seconds = len(audio) / rate
    lufs = loudness(audio, rate)
    return Measured(
        seconds=round(seconds, 4),
        chars_per_second=round(len(visible_text(text)) / seconds, 2),
        peak=round(float(size.max(initial=0.0)), 4),
        clipped=int((size >= FULL_SCALE).sum()),
        silence=round(_silence(audio, rate), 3),
        loudness=round(lufs, 2) if math.isfinite(lufs) else None,
    )


def visible_text(text: str) -> str:
    """A text without its markup, on one line."""
    return clean(Visible(text).between(0, len(text)))


def heard(found: Measured, pairs: Sequence[Pair]) -> Measured:
    """Adds the facts of a recognizer, from the phones of the text and the recognized ones."""
    errors = PhoneErrors()
    errors.add(pairs)
    return replace(
        found,
        phone_errors=round(errors.rate, 4) if errors.phones else None,
        skipped=_longest(other is None for _, other in pairs),
        repeated=_longest(said is None for said, _ in pairs),
    )


def oddities(found: Measured, speed: float) -> list[str]:
    """What is implausible about a row that was read at tempo `speed`; usually empty."""
    odd = []
    pace = found.chars_per_second / speed
    if not SLOWEST <= pace <= FASTEST:
        odd.append(f"{pace:.1f} characters a second")
    if found.silence > MOST_SILENCE:
        odd.append(f"{100 * found.silence:.0f} % silence")
    if found.clipped:
        odd.append(f"{found.clipped} clipped samples")
    for count, what in ((found.skipped, "not heard"), (found.repeated, "heard and not in the text")):
        if count is not None and count >= WORD:
            odd.append(f"{count} sounds in a row {what}")
    return odd


def _longest(flags: Iterable[bool]) -> int:
    """Length of the longest run of true flags."""
    return max((sum(1 for _ in run) for flag, run in groupby(flags) if flag), default=0)


def _silence(audio: NDArray[np.float32], rate: int) -> float:
    frame = max(1, round(FRAME_S * rate))
    count = max(1, len(audio) // frame)
    power = np.square(audio[: count * frame].astype(np.float64)).reshape(count, -1).mean(axis=1)
    loudest = power.max(initial=0.0)
    return float((power <= loudest * 10.0 ** (SILENT_DB / 10.0)).mean())
