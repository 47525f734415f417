"""Formants of vowels whose formants are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.evaluation.timeline import Segment
from kalakan.evaluation.vowels import (
    VowelMedian,
    VowelPoint,
    order_breaks,
    vowel_medians,
    vowel_points,
)

RATE = 24_000
SHAPES = {"i": (300, 2300, 3000), "a": (700, 1300, 2600), "u": (400, 800, 2400), "ɛ": (500, 1800, 2500)}


def vowel(formants: tuple[float, ...], hertz: float = 100.0, seconds: float = 0.3) -> np.ndarray:
    """Pulses that fall by 6 dB an octave through one resonance a formant, each 80 Hz wide (D. Klatt, JASA 67 (1980),
    equation 1). Formants lie on harmonics of 100 Hz: linear prediction leans towards those."""
    age = np.arange(round(seconds * RATE)) % round(RATE / hertz)
    signal = 0.985**age
    for formant in (*formants, 3500.0, 4500.0):
        radius = math.exp(-math.pi * 80 / RATE)
        b, c = 2 * radius * math.cos(2 * math.pi * formant / RATE), -(radius**2)
        one, two = 0.0, 0.0
        for index, sample in enumerate(signal.tolist()):
            one, two = (1 - b - c) * sample + b * one + c * two, one
            signal[index] = one
    return 0.5 * signal / np.abs(signal).max()


def _segment(symbol: str, seconds: float) -> Segment:
    return Segment(symbol, "vowel", "", 0.0, seconds)


@pytest.mark.parametrize("symbol", SHAPES)
def test_formants_of_a_synthetic_vowel(symbol: str) -> None:
    audio = vowel(SHAPES[symbol])
    (point,) = vowel_points([_segment(symbol, 0.3)], audio, RATE, 5000.0)
    assert point.symbol == symbol
    assert point.f1 == pytest.approx(SHAPES[symbol][0], rel=0.05)
    assert point.f2 == pytest.approx(SHAPES[symbol][1], rel=0.05)


def test_short_nasal_and_consonantal_units_are_left_out() -> None:
    audio = vowel(SHAPES["a"])
    segments = [_segment("a", 0.0625), _segment("ã", 0.2), Segment("m", "nasal", "", 0.0, 0.2)]
    assert vowel_points(segments, audio, RATE, 5000.0) == []
    assert len(vowel_points([_segment("a", 0.075)], audio, RATE, 5000.0)) == 1


def test_medians_by_hand() -> None:
    points = [VowelPoint("u", 300, 800), VowelPoint("a", 700, 1300), VowelPoint("a", 900, 1100)]
    points.append(VowelPoint("a", 710, 1500))
    assert vowel_medians(points) == {"a": VowelMedian(710, 1300, 3), "u": VowelMedian(300, 800, 1)}


def test_order_of_f1() -> None:
    heights = {
        "i": 256,
        "ɪ": 276,
        "e": 402,
        "ɛ": 460,
        "æ": 560,
        "a": 698,
        "ɔ": 563,
        "o": 469,
        "ʊ": 403,
        "u": 369,
    }
    medians = {symbol: VowelMedian(f1, 1000, 5) for symbol, f1 in heights.items()}
    assert order_breaks(medians) == []
    medians["e"] = VowelMedian(250, 1000, 5)
    assert order_breaks(medians) == ["ɪ ≥ e"]
    del medians["ɪ"]
    assert order_breaks(medians) == ["i ≥ e"]
