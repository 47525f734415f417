"""The judges from outside: better copies score higher, nothing to judge is NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.evaluation import judges

RATE = 24_000
JUDGES = {"pesq": judges.wideband_pesq, "stoi": judges.intelligibility}


@pytest.fixture(params=sorted(JUDGES))
def judge(request: pytest.FixtureRequest) -> object:
    pytest.importorskip(judges.PACKAGES[request.param])
    return JUDGES[request.param]


def _speech(seconds: float) -> np.ndarray:
    """Noise in syllables of a quarter of a second."""
    size = round(seconds * RATE)
    envelope = np.sin(math.pi * 4 * np.arange(size) / RATE) ** 2
    return (0.2 * envelope * np.random.default_rng(0).standard_normal(size)).astype(np.float32)


def test_less_noise_scores_higher(judge) -> None:
    clean = _speech(2.0)
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    scores = [judge(clean, clean + level * noise, RATE) for level in (0.0, 0.02, 0.2)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == judge(clean, clean, RATE)


def test_the_same_is_the_best(judge) -> None:
    best = judge(_speech(2.0), _speech(2.0), RATE)
    assert best == pytest.approx(4.644, abs=0.01) or best == pytest.approx(1.0, abs=1e-6)


def test_silence_and_too_little_speech_are_nan(judge) -> None:
    clean = _speech(2.0)
    assert math.isnan(judge(clean, np.zeros_like(clean), RATE))
    assert math.isnan(judge(np.zeros_like(clean), clean, RATE))
    assert math.isnan(judge(clean[:480], clean[:480], RATE))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "PACKAGES", {"pesq": "json", "distilmos": "there_is_no_such_package"})
    assert judges.missing_judges() == {"distilmos": "there_is_no_such_package"}
