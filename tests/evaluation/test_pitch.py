"""F0 tracks and their differences, on tones of known pitch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.evaluation import pitch
from kalakan.evaluation.pitch import (
    HIGH_VOICE,
    LOW_VOICE,
    PitchTrack,
    compare_pitch,
    pitch_track,
    praat_range,
    semitone_error,
    voicing_error,
)

RATE = 24_000


def buzz(hertz: float | np.ndarray, seconds: float = 1.0) -> np.ndarray:
    """Ten harmonics of a pitch in Hz: one value, or one a sample."""
    track = np.broadcast_to(hertz, round(seconds * RATE))
    phase = 2 * math.pi * np.cumsum(track) / RATE
    return sum(np.cos(order * phase) / order for order in range(1, 11)) * 0.05


@pytest.mark.parametrize("hertz", [70.0, 120.0, 233.0])
def test_track_of_a_tone_is_its_pitch(hertz: float) -> None:
    track = pitch_track(buzz(hertz), RATE, LOW_VOICE)
    assert track.at(0.5) == pytest.approx(hertz, rel=1e-3)
    assert math.isnan(track.at(-1.0))
    assert math.isnan(track.at(2.0))


@pytest.mark.parametrize("semitones", [-3.0, 0.5, 2.0])
def test_rmse_of_two_tones_is_their_interval(semitones: float) -> None:
    one, other = (pitch_track(buzz(150.0 * 2 ** (shift / 12)), RATE, LOW_VOICE) for shift in (0.0, semitones))
    difference = compare_pitch(one, other)
    assert semitone_error([difference]) == pytest.approx(abs(semitones), abs=0.01)
    assert voicing_error([difference]) < 2


def test_voicing_error_is_the_share_that_only_one_voices() -> None:
    half = buzz(150.0)
    half[RATE // 2 :] = 0.001 * np.random.default_rng(0).standard_normal(RATE // 2)
    difference = compare_pitch(pitch_track(buzz(150.0), RATE, LOW_VOICE), pitch_track(half, RATE, LOW_VOICE))
    assert voicing_error([difference]) == pytest.approx(50, abs=3)
    assert semitone_error([difference]) < 0.1


def test_sums_by_hand() -> None:
    one = PitchTrack(0.0, np.array([100.0, 200.0, 0.0, 0.0, 100.0]))
    other = PitchTrack(0.0, np.array([200.0, 200.0, 0.0, 80.0, 0.0, 50.0]))
    difference = compare_pitch(one, other)
    assert (difference.values, difference.voiced, difference.mismatches) == (5, 2, 2)
    assert semitone_error([difference]) == pytest.approx(math.sqrt(144 / 2))
    assert voicing_error([difference, difference]) == pytest.approx(40)


def test_nothing_to_compare_is_nan() -> None:
    silent = pitch_track(np.zeros(RATE), RATE, LOW_VOICE)
    assert not silent.hertz.any()
    assert math.isnan(semitone_error([compare_pitch(silent, silent)]))
    assert math.isnan(semitone_error([]))
    assert math.isnan(voicing_error([]))


@pytest.mark.parametrize("samples", [0, 1, 100, 1199, 1239, 1241, 1300])
def test_short_audio_has_a_track(samples: int) -> None:
    track = pitch_track(0.1 * np.ones(samples), RATE, LOW_VOICE)
    assert math.isnan(track.at(0.0))


def test_between_values_a_track_is_linear_and_stops_at_silence() -> None:
    track = PitchTrack(1.0, np.array([100.0, 110.0, 0.0]))
    step = pitch.STEP_S
    assert track.at(1.0) == 100
    assert track.at(1.0 + step / 4) == pytest.approx(102.5)
    assert track.at(1.0 + step * 1.4) == 110
    assert math.isnan(track.at(1.0 + step * 1.6))
    assert track.at(1.0 - step / 4) == 100


def test_settings_follow_the_speaker() -> None:
    assert praat_range(np.array([0.0, 0, 0, 176, 200, 150])) == HIGH_VOICE
    assert praat_range(np.array([0.0, 101, 110])) == praat_range(np.zeros(4)) == LOW_VOICE
    track = pitch_track(buzz(350.0), RATE, HIGH_VOICE)
    assert track.at(0.5) == pytest.approx(350, rel=1e-3)
