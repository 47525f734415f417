"""A voice measured on a corpus of a few seconds."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import build_voice
from kalakan.config.schema import AudioConfig
from kalakan.errors import DataError, VoiceError
from kalakan.evaluation import judges
from kalakan.evaluation.evaluate import evaluate
from kalakan.evaluation.report import format_table
from kalakan.evaluation.samples import Samples
from kalakan.evaluation.summary import formant_differences
from kalakan.evaluation.voice_model import VoiceModel
from kalakan.evaluation.vowels import VowelMedian
from kalakan.voices.package import load_voice
from tiny_corpus import make_corpus

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three test sentences, all of akosua, one of them with tones."""
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice of random weights at the corpus's sample rate."""
    return build_voice(tmp_path_factory.mktemp("voice") / "loud", AudioConfig(), 6.0)


@pytest.fixture
def model(voice: Path) -> VoiceModel:
    return VoiceModel(load_voice(voice))


def test_report(voice: Path, corpus: Path, tmp_path: Path) -> None:
    done = []
    report = evaluate(
        load_voice(voice),
        corpus,
        output=tmp_path / "out",
        command="kalakan evaluate",
        ask_mos=False,
        progress=lambda *counts: done.append(counts),
    )
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert list(report["results"]) == ["akosua", "all"]
    found = report["results"]["all"]
    assert found["utterances"] == 3
    assert found["given"]["mcd_db"] > 1
    assert found["copy"]["mel_l1"] < found["given"]["mel_l1"]
    assert found["durations"]["sounds"] > 5
    assert found["tones"]["free"]["utterances"] >= found["tones"]["given"]["utterances"]
    assert report["voice"]["sha256"] == hashlib.sha256((voice / "voice.json").read_bytes()).hexdigest()
    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written["command"] == "kalakan evaluate"
    assert written["results"]["all"]["given"]["mcd_db"] == pytest.approx(found["given"]["mcd_db"], abs=1e-4)
    assert written["packages"]["torch"] in torch.__version__
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.json", "mel-akosua.png", "f0-akosua.png", "vowels-akosua.png"}
    table = format_table(report)
    assert "MCD (dB)" in table
    assert "vowels of akosua" in table
    assert "nan" not in table


def test_samples_line_up_with_what_is_spoken(corpus: Path, model: VoiceModel, tmp_path: Path) -> None:
    samples = Samples(corpus, model.audio, model.speakers, tmp_path)
    for index in range(len(samples)):
        sample = samples[index]
        speech = model.speak(sample.ids, "akosua", sample.durations)
        assert speech.mel.shape == sample.mel.shape
        assert speech.f0.shape == sample.f0.shape
        assert speech.audio.shape == sample.audio.shape
        assert np.array_equal(speech.durations, sample.durations)
        free = model.speak(sample.ids, "akosua")
        assert free.mel.shape[1] == free.durations.sum()


def test_limit_keeps_sentences_with_tones(corpus: Path, model: VoiceModel, tmp_path: Path) -> None:
    samples = Samples(corpus, model.audio, model.speakers, tmp_path, limit=2)
    assert sorted(samples[index].has_tones for index in range(2)) == [False, True]
    assert len(Samples(corpus, model.audio, model.speakers, tmp_path, limit=50)) == 3


def test_a_loud_mel_is_not_clipped(model: VoiceModel) -> None:
    mel = np.full((80, 20), 1.0, np.float32)
    loud = model.vocode(mel, np.zeros(20, np.float32))
    assert np.abs(loud).max() > 1
    soft = model.vocode(mel - np.float32(math.log(16)), np.zeros(20, np.float32))
    np.testing.assert_allclose(loud, 16 * soft, rtol=1e-3, atol=1e-3)


def test_a_vocoder_that_takes_f0_gets_it(model: VoiceModel) -> None:
    class Pitched:
        takes_f0 = True

        def inference(self, mel: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
            return f0.repeat_interleave(300, dim=1) / 1000

    model.vocoder = Pitched()
    f0 = np.array([100.0, 0.0, 250.0], np.float32)
    audio = model.vocode(np.zeros((80, 3), np.float32), f0)
    assert audio[::300].tolist() == pytest.approx([0.1, 0, 0.25])


def test_distilmos_is_asked_for_each_kind_of_clip(
    voice: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "missing_judges", lambda: {"pesq": "pesq", "stoi": "pystoi"})
    monkeypatch.setattr(judges, "distilmos", lambda: lambda audio, rate: 3.0)
    report = evaluate(load_voice(voice), corpus, limit=1)
    assert report["results"]["akosua"]["distilmos"] == {
        group: {"teacher": 3.0, "copy": 3.0, "free": 3.0, "clips": 1} for group in ("all", "under_3_s")
    }
    assert "pesq" not in report["results"]["all"]["copy"]
    assert report["notes"][:1] == ["pesq was not measured: pesq is not installed"]


def test_speakers(voice: Path, corpus: Path) -> None:
    for speaker, message in (("ama", "is not in this voice"), ("kwame", "is not in the test split")):
        with pytest.raises(DataError, match=message):
            evaluate(load_voice(voice), corpus, speakers=[speaker], ask_mos=False)
    loaded = load_voice(voice)
    stranger = replace(loaded, manifest=replace(loaded.manifest, speakers=("ama", "yaw")))
    with pytest.raises(DataError, match="no speaker is shared"):
        evaluate(stranger, corpus, ask_mos=False)


def test_an_acoustic_model_without_given_durations_is_refused(
    voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kalakan.evaluation import voice_model

    monkeypatch.setattr(voice_model, "load_acoustic", lambda voice: torch.nn.Identity())
    with pytest.raises(VoiceError, match="takes no given durations"):
        VoiceModel(load_voice(voice))


def test_formant_differences_by_hand() -> None:
    teacher = {"a": VowelMedian(700, 1300, 3), "i": VowelMedian(300, 2000, 1)}
    spoken = {"a": VowelMedian(770, 1170, 3), "u": VowelMedian(300, 800, 1)}
    found = formant_differences(teacher, spoken)
    assert list(found) == ["a"]
    assert found["a"] == pytest.approx({"f1": 10.0, "f2": -10.0})
