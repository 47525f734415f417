"""F0 of recordings, by Praat.

Uses Praat (through parselmouth), because it is the field's reference, is maintained, has wheels for every platform, and
is also used to evaluate voices. pyworld has no wheels and needs a compiler. Networks such as PENN or CREPE need
downloaded weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import parselmouth
from numpy.typing import NDArray

from kalakan.config.schema import AudioConfig

Array = NDArray[np.floating[Any]]
STEP_S = 0.005
"""Seconds between two values of Praat's track."""
WIDE_FLOOR_HZ, WIDE_CEILING_HZ = 60.0, 600.0
"""Range of the first pass."""


def frame_f0(audio: Array, config: AudioConfig) -> NDArray[np.float32]:
    """F0 in Hz at the center of each mel frame of audio [S]: [T], T = S // hop_length, 0 where unvoiced.

    Autocorrelation (P. Boersma, IFA Proceedings 17, 1993) in two passes: the second searches between 0.75 of the
    first quartile and 1.5 of the third quartile of the first one's estimates (C. De Looze and D. Hirst, Speech Prosody
    2008), which avoids octave errors.
    """
    count = len(audio) // config.hop_length
    centers = (np.arange(count) + 0.5) * config.hop_length / config.sample_rate
    track = _track(audio, config.sample_rate, WIDE_FLOOR_HZ, WIDE_CEILING_HZ)
    voiced = track[1][track[1] > 0]
    if voiced.size == 0:
        return np.zeros(count, np.float32)
    low, high = np.percentile(voiced, [25, 75])
    times, hertz = _track(audio, config.sample_rate, max(50.0, 0.75 * low), min(800.0, 1.5 * high))
    if times.size == 0:
        return np.zeros(count, np.float32)
    places = np.rint((centers - times[0]) / STEP_S).astype(int)
    inside = (places >= 0) & (places < len(hertz))
    found: NDArray[np.float32] = np.where(inside, hertz[places.clip(0, len(hertz) - 1)], 0.0).astype(
        np.float32
    )
    return found


def _track(audio: Array, rate: int, floor: float, ceiling: float) -> tuple[Array, Array]:
    """Times in seconds and F0 in Hz every `STEP_S`; both empty for audio shorter than three periods of the floor."""
    if len(audio) / rate < 3.1 / floor:
        return np.zeros(0), np.zeros(0)
    sound = parselmouth.Sound(audio.astype(np.float64), rate)
    pitch = sound.to_pitch_ac(time_step=STEP_S, pitch_floor=floor, pitch_ceiling=ceiling)
    return pitch.xs(), np.asarray(pitch.selected_array["frequency"], np.float64)
