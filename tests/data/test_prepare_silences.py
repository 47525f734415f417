"""Silences inside of sentences, and transcripts that a recognizer does not find in their audio."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import recordings as sources
from kalakan.data.phone_errors import Pair, sounds_of
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.prepare import Prepared, prepare
from kalakan.data.preparation.sound import inner_pauses
from kalakan.errors import ConfigError

RATE = 16_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four recordings without silences inside; the text "one" has a comma."""
    sources.plain(tmp_path / "source")
    return tmp_path / "source"


def interrupted(*silences: float, seed: int = 0) -> np.ndarray:
    """Audio [S] with a silence after each half second."""
    pieces = [sources.tone(seconds=0.6, seed=seed, silence=0.3)]
    for seconds in silences:
        quiet = 1e-5 * np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32)
        pieces += [quiet, sources.tone(seconds=0.6, silence=0.0)]
    return np.concatenate(pieces)


def details(made: Prepared, kind: str) -> dict[str, str]:
    return {
        item.id: problem.detail
        for item in (*made.kept, *made.left_out)
        for problem in item.problems
        if problem.kind == kind
    }


def test_a_pause_without_a_mark_is_named_and_left_out_on_request(source: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("one", "two")):
        sources.write(source / f"{name}.wav", interrupted(0.5, seed=seed))
    made = prepare(source, tmp_path / "out")
    assert len(made.kept) == 4
    (text,) = details(made, "unwritten_pauses").values()
    assert text.startswith("1 silence inside, the longest of 8")
    assert list(details(made, "unwritten_pauses")) == ["two"]
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "### unwritten_pauses (1)" in report.split("## Named")[1]
    again = prepare(source, tmp_path / "out", options=PrepareOptions(leave_out=("unwritten_pauses",)))
    assert [item.id for item in again.left_out] == ["two"]
    assert again.reused == 4
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "### unwritten_pauses (1)" in report.split("## Left out")[1]
    assert "unwritten_pauses" not in report.split("## Named")[1]


def test_silences_inside_are_measured() -> None:
    assert inner_pauses(sources.tone(), RATE) == ()
    assert inner_pauses(np.zeros(RATE, np.float32), RATE) == ()
    first, second = inner_pauses(interrupted(0.5, 0.15, 0.8), RATE)
    assert first == pytest.approx(0.8, abs=0.03)  # the tone before ends in silence too
    assert second == pytest.approx(0.8, abs=0.03)


def test_only_what_is_named_can_be_left_out() -> None:
    with pytest.raises(ConfigError, match="leave_out names 'silent'; what can be left out is clipping"):
        PrepareOptions(leave_out=("silent",))


class Ear:
    """Hears what is said, but in one recording, by its length, something else."""

    def __init__(self, wrong: int, version: str = "a") -> None:
        self.wrong, self.version = wrong, version
        self.calls = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.version.encode()).hexdigest()

    def compare(self, audio: np.ndarray, rate: int, units: Iterable[str]) -> list[Pair]:
        self.calls += 1
        said = sounds_of(units)
        is_wrong = abs(len(audio) - self.wrong) < rate / 10
        return [(sound, "s" if is_wrong else sound) for sound in said]


def test_a_transcript_that_is_not_heard_is_named(source: Path, tmp_path: Path) -> None:
    sources.write(source / "three.wav", sources.tone(seconds=2.0, seed=2))
    ear = Ear(wrong=round((2.0 + 0.3) * 24_000))
    made = prepare(source, tmp_path / "out", ear=ear)
    assert len(made.kept) == 4
    found = details(made, "misheard")
    assert list(found) == ["three"]
    assert found["three"].endswith("the median is 0 %")
    assert ear.calls == 4
    options = PrepareOptions(leave_out=("misheard",))
    again = prepare(source, tmp_path / "out", ear=ear, options=options)
    assert [item.id for item in again.left_out] == ["three"]
    assert ear.calls == 4
    prepare(source, tmp_path / "out", ear=Ear(wrong=0, version="b"), options=options)
    assert not details(prepare(source, tmp_path / "out"), "misheard")
