"""Tone obedience on contours that obey, disobey and fall silent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.evaluation.pitch import STEP_S, PitchTrack
from kalakan.evaluation.timeline import Segment, timeline
from kalakan.evaluation.tones import mark_tones, obedience, tone_steps
from kalakan.text.phonemes import TONE_IDS, id_to_symbol, parse_units

FRAME_S = 0.0125
UNITS = "<bos> p a ˥ p a ˩ _ n̩ ˩ k ɔ ˥ ɔ ˥ m ɪ ˩ d i ꜜ ˥ b u ˩ ."


def segments() -> list[Segment]:
    ids = parse_units(UNITS)
    durations = [0 if unit in TONE_IDS else 8 for unit in ids]
    return timeline(ids, durations, FRAME_S)


def contour(levels: dict[str, float], share: float = 1.0) -> PitchTrack:
    """F0 in Hz by tone, held for `share` of each nucleus from its end; 100 Hz elsewhere."""
    found = segments()
    hertz = np.full(round(found[-1].end_s / STEP_S), 100.0)
    for segment in found:
        if segment.tone:
            first = segment.at(1 - share)
            hertz[round(first / STEP_S) : round(segment.end_s / STEP_S)] = levels[segment.tone]
    return PitchTrack(0.0, hertz)


def test_timeline_gives_tones_to_their_nuclei_and_time_to_the_rest() -> None:
    found = segments()
    assert [segment.symbol for segment in found][:4] == ["<bos>", "p", "a", "p"]
    assert "".join(segment.tone for segment in found) == "HLLHHL!HL"
    assert found[2].start_s == pytest.approx(16 * FRAME_S)
    assert found[2].seconds == pytest.approx(0.1)
    assert found[-1].end_s == pytest.approx(len(found) * 8 * FRAME_S)


@pytest.mark.parametrize("semitones", [4.0, 0.5, -2.0])
def test_steps_are_the_interval_from_low_to_high(semitones: float) -> None:
    high = 100 * 2 ** (semitones / 12)
    # Only the last half of a vowel carries its tone: two thirds in is late enough.
    track = contour({"H": high, "L": 100.0, "!H": 300.0}, share=0.5)
    steps = tone_steps(segments(), track)
    # pa pa, and kɔɔ mɪ: the nasal stands between the second and the third vowel, a downstepped vowel is neither.
    assert steps == pytest.approx([semitones, semitones])
    result = obedience(steps)
    assert result.obeyed_percent == (100 if semitones > 0 else 0)
    assert result.semitones == pytest.approx(semitones)
    assert (result.pairs, result.unmeasured) == (2, 0)


def test_level_speech_does_not_obey() -> None:
    assert (
        obedience(tone_steps(segments(), contour({"H": 100.0, "L": 100.0, "!H": 100.0}))).obeyed_percent == 0
    )


def test_pairs_with_an_unvoiced_vowel_are_counted_apart() -> None:
    result = obedience(tone_steps(segments(), contour({"H": 120.0, "L": 0.0, "!H": 100.0})))
    assert (result.pairs, result.unmeasured) == (0, 2)
    assert math.isnan(result.obeyed_percent)
    mixed = obedience([3.0, -1.0, math.nan, 4.0])
    assert mixed.obeyed_percent == pytest.approx(200 / 3)
    assert mixed.semitones == pytest.approx(2)
    assert (mixed.pairs, mixed.unmeasured) == (3, 1)


def test_marking_gives_every_nucleus_one_tone_and_is_repeatable() -> None:
    ids = parse_units(UNITS)
    marked = mark_tones(ids, 5)
    assert np.array_equal(marked, mark_tones(ids, 5))
    plain = [unit for unit in ids if unit not in TONE_IDS]
    assert [unit for unit in marked.tolist() if unit not in TONE_IDS] == plain
    tones = [segment.tone for segment in timeline(marked.tolist(), [1] * len(marked), 1.0) if segment.tone]
    assert len(tones) == 8
    many = mark_tones(parse_units("a " * 400), 1)
    high = [id_to_symbol(unit) for unit in many.tolist()].count("˥")
    assert 160 < high < 240
