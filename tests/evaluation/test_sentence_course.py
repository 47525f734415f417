"""The course of sentences and the lengths of sounds, against made ones with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kalakan.evaluation.sentence_course import Lengths, course, suggested
from kalakan.text.framing import frame
from kalakan.text.phonemes import CLASSES, NUCLEUS_CLASSES, parse_units
from kalakan.voices.corrections import Corrections

CLIPS, SIZE = 12, 8
Array = NDArray[np.float64]


def melody(slope: float, before: float, fall: float, seed: int) -> tuple[Array, NDArray[np.int64], Array]:
    """F0, clip and place of `CLIPS` sentences with a straight course, a fall, and a little noise."""
    place = np.tile(np.linspace(0, 1, SIZE), CLIPS)
    f0 = slope * place + np.random.default_rng(seed).normal(0, 0.1, CLIPS * SIZE)
    f0[SIZE - 2 :: SIZE] += before
    f0[SIZE - 1 :: SIZE] += fall
    return f0, np.repeat(np.arange(CLIPS), SIZE), place


def test_slope_and_fall_of_statements_and_questions() -> None:
    f0, index, place = melody(-3.0, -1.0, -2.0, 0)
    asks = np.arange(CLIPS) % 2 == 1
    f0[np.isin(index, np.flatnonzero(asks))] += 4.0 * place[np.isin(index, np.flatnonzero(asks))]
    f0[0] = np.nan
    found = course(f0, index, place, asks)
    for kind, slope in (("statement", -3.0), ("question", 1.0)):
        assert found[kind]["slope"]["value"] == pytest.approx(slope, abs=0.2)
        assert found[kind]["before_fall"]["value"] == pytest.approx(-1.0, abs=0.3)
        assert found[kind]["fall"]["value"] == pytest.approx(-2.0, abs=0.3)
        low, high = found[kind]["fall"]["interval"]
        assert low <= found[kind]["fall"]["value"] <= high
        assert found[kind]["fall"]["measurements"] == CLIPS // 2
    assert found["statement"]["slope"]["measurements"] == CLIPS // 2 * (SIZE - 2) - 1
    assert np.isnan(course(f0, index, place, np.ones(CLIPS, bool))["statement"]["slope"]["value"])


def lengths(factors: dict[str, float]) -> Lengths:
    """Recordings half as fast as the voice, and longer still by a factor at the end of statements and in pauses."""
    found, rng = Lengths(), np.random.default_rng(0)
    for mark in (".", "?") * 6:
        ids = frame(parse_units(f"b a a d i , k o {mark}"))
        places = [place for place, unit in enumerate(ids) if CLASSES[unit] in NUCLEUS_CLASSES]
        end = {".": "statement", "?": "question"}[mark]
        both = []
        for side, tempo in (("recorded", 2.0), ("voice", 1.0)):
            durations = np.full(len(places), 0.1) * tempo * rng.uniform(0.95, 1.05, len(places))
            gaps = np.full(len(places), 0.05) * tempo
            gaps[0] = 0.0  # the halves of the long vowel
            if side == "recorded":
                durations[-1] *= factors.get(end, 1.0)
                gaps[2] *= factors.get("pause", 1.0)
                durations[0] -= 0.1  # an aligner splits a long vowel anywhere
                durations[1] += 0.1
            starts = np.cumsum(durations + gaps) - durations - gaps
            both.append((starts, starts + durations))
        found.add(ids, *both)
    return found


def test_ratios_are_those_beside_the_tempo() -> None:
    rhythm = lengths({"statement": 1.5, "pause": 3.0}).figures()
    assert rhythm["tempo"] == pytest.approx(2.1, abs=0.1)
    classes = rhythm["classes"]
    scale = 2.0 / rhythm["tempo"]
    assert classes["long_vowel"]["ratio"] == pytest.approx(scale, rel=0.05)
    assert classes["long_vowel"]["sounds"] == 12
    assert classes["statement_end"]["ratio"] == pytest.approx(1.5 * scale, rel=0.05)
    assert classes["question_end"]["ratio"] == pytest.approx(scale, rel=0.05)
    assert classes["pause"]["ratio"] == pytest.approx(3.0 * scale, rel=0.05)
    for item in classes.values():
        low, high = item["interval"]
        assert low <= item["ratio"] <= high
    assert Lengths().figures() == {}


def test_only_what_is_clear_is_suggested() -> None:
    asks = np.arange(CLIPS) % 2 == 1
    recorded = course(*melody(-3.0, -1.0, -2.0, 1), asks)
    same, other = recorded, course(*melody(-1.0, 0.0, 0.5, 3), asks)
    rhythm, equal = lengths({"statement": 0.5}).figures(), lengths({}).figures()
    near = suggested(recorded, [same], [equal])
    assert near == {
        "with_tones": True,
        "decline": 0.0,
        "statement_fall": 0.0,
        "question_fall": 0.0,
        "durations": {},
    }
    assert not Corrections(**near).moves_pitch
    far = suggested(recorded, [other], [rhythm])
    assert far["decline"] == pytest.approx(2.0, abs=0.3)
    assert far["statement_fall"] == pytest.approx(2.5, abs=0.3)
    assert list(far["durations"]) == ["statement_end"]
    assert far["durations"]["statement_end"] == pytest.approx(0.53, abs=0.05)
