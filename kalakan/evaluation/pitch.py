"""F0 estimation with Praat, and F0 differences between two utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import parselmouth
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
STEP_S = 0.005
"""Time step of a track in seconds."""
HIGH_VOICE_HZ = 155.0
"""Speakers with a median F0 above this are measured with Praat's settings for women, others with those for men."""


@dataclass(frozen=True)
class PraatRange:
    """Praat's search ranges for a speaker's F0 and formants; a floor that is too low causes octave errors."""

    floor_hz: float
    """Lowest F0."""
    ceiling_hz: float
    """Highest F0."""
    formant_ceiling_hz: float
    """Upper edge of the search for five formants."""


HIGH_VOICE = PraatRange(100.0, 500.0, 5500.0)
LOW_VOICE = PraatRange(60.0, 300.0, 5000.0)


@dataclass(frozen=True)
class PitchTrack:
    """F0 over time."""

    start_s: float
    """Time of the first value in seconds."""
    hertz: NDArray[np.float64]
    """F0 in Hz every `STEP_S`, 0 where unvoiced."""

    def at(self, time_s: float) -> float:
        """F0 in Hz at a time: linear between voiced neighbors, otherwise the nearest value; NaN where unvoiced."""
        place = (time_s - self.start_s) / STEP_S
        if not -0.5 <= place <= len(self.hertz) - 0.5:
            return math.nan
        low = min(max(math.floor(place), 0), len(self.hertz) - 1)
        high = min(low + 1, len(self.hertz) - 1)
        share = min(max(place - low, 0.0), 1.0)
        before, after = float(self.hertz[low]), float(self.hertz[high])
        if before > 0 and after > 0:
            return before + share * (after - before)
        return (before if share < 0.5 else after) or math.nan


@dataclass(frozen=True)
class PitchDifference:
    """Sums over the values of two tracks, for pooling utterances."""

    values: int
    """Values compared."""
    voiced: int
    """Values voiced in both tracks."""
    mismatches: int
    """Values voiced in one track only."""
    squared_semitones: float
    """Sum of squared differences in semitones where both are voiced."""


def praat_range(hertz: Array) -> PraatRange:
    """Settings for a speaker with these F0 values [T] in Hz (0: unvoiced)."""
    voiced = hertz[hertz > 0]
    is_high = voiced.size > 0 and float(np.median(voiced)) > HIGH_VOICE_HZ
    return HIGH_VOICE if is_high else LOW_VOICE


def pitch_track(audio: Array, sample_rate: int, search: PraatRange) -> PitchTrack:
    """F0 of audio [S] by Praat's autocorrelation method with its default costs (P. Boersma, IFA Proceedings 17, 1993).

    Audio shorter than three periods of the lowest F0 has an empty track.
    """
    if len(audio) / sample_rate < 3.1 / search.floor_hz:
        return PitchTrack(0.0, np.zeros(0))
    sound = parselmouth.Sound(audio.astype(np.float64), sample_rate)
    pitch = sound.to_pitch_ac(time_step=STEP_S, pitch_floor=search.floor_hz, pitch_ceiling=search.ceiling_hz)
    return PitchTrack(float(pitch.xs()[0]), np.asarray(pitch.selected_array["frequency"], np.float64))


def compare_pitch(reference: PitchTrack, spoken: PitchTrack) -> PitchDifference:
    """Differences of two tracks with the same start; the longer one is cut."""
    size = min(len(reference.hertz), len(spoken.hertz))
    one, other = reference.hertz[:size], spoken.hertz[:size]
    both = (one > 0) & (other > 0)
    steps = 12.0 * np.log2(one[both] / other[both])
    mismatches = int(np.sum((one > 0) != (other > 0)))
    return PitchDifference(size, int(both.sum()), mismatches, float(np.square(steps).sum()))


def semitone_error(differences: Iterable[PitchDifference]) -> float:
    """Root mean square F0 error in semitones over all values voiced in both; NaN if there are none."""
    found = list(differences)
    voiced = sum(item.voiced for item in found)
    return math.sqrt(sum(item.squared_semitones for item in found) / voiced) if voiced else math.nan


def voicing_error(differences: Iterable[PitchDifference]) -> float:
    """Share of values voiced in one track only, in percent; NaN if there are no values."""
    found = list(differences)
    values = sum(item.values for item in found)
    return 100.0 * sum(item.mismatches for item in found) / values if values else math.nan
