from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.dataset import TwiDataset
from kalakan.data.silences import Silences, silences
from kalakan.data.utterance import Utterance
from kalakan.errors import ConfigError, DataError, SilenceWarning
from tiny_corpus import make_corpus

AUDIO = AudioConfig()
UNITS = ("m", "a", "_", "n̩", "k", "ɔ", ",", "k", "a", "a", ".")
FRAMES = (20,) * len(UNITS)
LEAD = 10


def utterance() -> Utterance:
    samples = 300 * (LEAD + sum(FRAMES) + 20)
    return Utterance(
        "x",
        "s",
        "",
        Path("x"),
        UNITS,
        (0,) * len(UNITS),
        FRAMES,
        LEAD,
        samples,
        np.zeros(0),
        label_samples=300,
    )


def mel(*silent: tuple[int, int], db: float = -60.0) -> np.ndarray:
    """Log-mel [80, T] of an even sound with quieter stretches, and silence outside of the units."""
    values = np.zeros((80, LEAD + sum(FRAMES) + 20), np.float32)
    for start, end in ((0, LEAD), (LEAD + sum(FRAMES), values.shape[1]), *silent):
        values[:, start:end] = (db if (start, end) in silent else -60.0) * math.log(10) / 20
    return values


def unit(place: int) -> tuple[int, int]:
    start = LEAD + 20 * place
    return start, start + 20


def test_silence_outside_of_pauses_counts() -> None:
    assert silences(utterance(), mel(), AUDIO) == Silences(0.0, 0.0)
    start, _ = unit(1)
    found = silences(utterance(), mel((start, start + 12)), AUDIO)
    assert found.longest_ms == pytest.approx(1000 * 12 * 300 / 24_000)


def test_silence_at_a_pause_at_the_ends_and_of_stops_alone_does_not() -> None:
    pause = unit(6)
    found = silences(utterance(), mel((pause[0] - 5, pause[1] + 5)), AUDIO)
    assert found.longest_ms == 0
    last = unit(9)
    assert silences(utterance(), mel((last[1] - 15, last[1])), AUDIO).longest_ms == 0
    closure = unit(4)
    assert silences(utterance(), mel((closure[0], closure[0] + 5)), AUDIO).longest_ms == pytest.approx(62.5)


def test_the_level_of_syllabic_nasals() -> None:
    found = silences(utterance(), mel(unit(3), db=-30.0), AUDIO)
    assert found.nasal_db == pytest.approx(-30.0, abs=0.1)
    assert found.longest_ms == 0
    assert silences(utterance(), mel(unit(0), db=-30.0), AUDIO).nasal_db == 0
    short = replace(utterance(), frames=(20, 20, 20, 3, *FRAMES[4:]))
    assert silences(short, mel(unit(3), db=-30.0), AUDIO).nasal_db == 0


def test_training_leaves_out_what_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    plain = TwiDataset(corpus, features=tmp_path / "f")
    plain.prepare()
    bad = plain.utterances[0].id
    monkeypatch.setattr(
        "kalakan.data.silences.silences",
        lambda item, *_: Silences(250.0 if item.id == bad else 0.0, 0.0),
    )
    limited = DataConfig(longest_silence_ms=100.0)
    dataset = TwiDataset(corpus, features=tmp_path / "f", data=limited)
    with pytest.warns(
        SilenceWarning, match=r"1 of \d+ utterances are left out for silences: 1 \(250 ms of silence"
    ):
        dataset.prepare()
    assert len(dataset) == len(plain) - 1
    assert list(dataset.silent) == [bad]
    assert not dataset.left_out
    with warnings.catch_warnings():
        warnings.simplefilter("error", SilenceWarning)
        TwiDataset(corpus, split="test", features=tmp_path / "f", data=limited).prepare()
        TwiDataset(corpus, features=tmp_path / "f", data=DataConfig(longest_silence_ms=300.0)).prepare()


def test_a_corpus_of_silences_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    monkeypatch.setattr("kalakan.data.silences.silences", lambda *_: Silences(0.0, -40.0))
    dataset = TwiDataset(corpus, features=tmp_path / "f", data=DataConfig(quietest_nasal_db=-25.0))
    with pytest.raises(DataError, match=r"every utterance has a silence .*a syllabic nasal lies at -40 dB"):
        dataset.prepare()


@pytest.mark.parametrize(("name", "value"), [("longest_silence_ms", -1.0), ("quietest_nasal_db", 3.0)])
def test_limits(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"data.{name} is"):
        DataConfig(**{name: value})
