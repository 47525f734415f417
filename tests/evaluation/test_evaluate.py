"""A voice measured on a corpus of a few seconds."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from conftest import build_voice
from kalakan.config.schema import AudioConfig
from kalakan.errors import DamagedDataWarning, DataError, VoiceError
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
    assert "vowels of akosua: recordings, voice" in table
    assert "recordings (% of pairs)" in table
    assert "teacher" not in table + json.dumps(written)
    assert "nan" not in table


def test_recordings_without_tones_are_not_asked_for_them(voice: Path, corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    _change_records(folder, lambda record: record.update(tones=[0] * len(record["units"])))
    report = evaluate(load_voice(voice), folder, output=tmp_path / "out", limit=2, ask_mos=False)
    assert report["results"]["all"]["tones"] == {}
    table = format_table(report)
    assert "tones: " not in table
    assert "F1 order of the recordings: " in table
    for text in (table, (tmp_path / "out" / "report.json").read_text(encoding="utf-8")):
        assert "teacher" not in text


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
    class Pitched(torch.nn.Module):
        takes_f0 = True

        def inference(self, mel: torch.Tensor, f0: torch.Tensor) -> torch.Tensor:
            return f0.repeat_interleave(300, dim=1) / 1000

    model.vocoder = model.vocoder.replaced(Pitched())
    f0 = np.array([100.0, 0.0, 250.0], np.float32)
    audio = model.vocode(np.zeros((80, 3), np.float32), f0)
    assert audio[::300].tolist() == pytest.approx([0.1, 0, 0.25])


def test_distilmos_is_asked_for_each_kind_of_clip(
    voice: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "missing_judges", lambda: {"pesq": "pesq", "stoi": "pystoi"})
    monkeypatch.setattr(judges, "distilmos", lambda: lambda audio, rate: 3.0)
    report = evaluate(load_voice(voice), corpus, limit=2)
    same = {f"{kind}_minus_recordings": {"mean": 0.0, "half_interval_95": 0.0} for kind in ("copy", "free")}
    assert report["results"]["akosua"]["distilmos"] == {
        group: {"recordings": 3.0, "copy": 3.0, "free": 3.0, "clips": 2} | same
        for group in ("all", "under_3_s")
    }
    assert "pesq" not in report["results"]["all"]["copy"]
    assert report["notes"][:1] == ["pesq was not measured: pesq is not installed"]


def test_distilmos_is_compared_sentence_by_sentence(
    voice: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies are worse by 0.25 and free speech by 0.25 and 0.75, whatever the sentence."""
    scores = iter([4.0, 3.75, 3.75, 2.0, 1.75, 1.25])
    monkeypatch.setattr(judges, "missing_judges", lambda: {"pesq": "pesq", "stoi": "pystoi"})
    monkeypatch.setattr(judges, "distilmos", lambda: lambda audio, rate: next(scores))
    found = evaluate(load_voice(voice), corpus, limit=2)["results"]["akosua"]["distilmos"]["all"]
    assert found["copy_minus_recordings"] == {"mean": -0.25, "half_interval_95": 0.0}
    assert found["free_minus_recordings"]["mean"] == -0.5
    assert found["free_minus_recordings"]["half_interval_95"] == pytest.approx(1.96 * 0.5 / 2)


def test_speakers(voice: Path, corpus: Path) -> None:
    for speaker, message in (("ama", "is not in this voice"), ("kwame", "is not in the test split")):
        with pytest.raises(DataError, match=message):
            evaluate(load_voice(voice), corpus, speakers=[speaker], ask_mos=False)
    loaded = load_voice(voice)
    stranger = replace(loaded, manifest=replace(loaded.manifest, speakers=("ama", "yaw")))
    with pytest.raises(DataError, match="no speaker is shared"):
        evaluate(stranger, corpus, ask_mos=False)


@pytest.fixture
def bad_corpus(corpus: Path, tmp_path: Path) -> Path:
    """The corpus with a test recording that is no audio, one at another rate, and a record of an unknown unit."""
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    (folder / "audio" / "akosua_00007.ogg").write_bytes(b"OggS, and no more")
    audio, _ = soundfile.read(folder / "audio" / "akosua_00087.ogg")
    soundfile.write(folder / "audio" / "akosua_00087.ogg", audio, 16_000)
    _change_records(folder, lambda record: record["id"] == "kwame_00028" and record["units"].append("qq"))
    return folder


def _change_records(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "meta.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for record in records:
        change(record)
    path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")


def test_damaged_recordings_are_named_left_out_and_counted(
    voice: Path, bad_corpus: Path, tmp_path: Path
) -> None:
    with pytest.warns(DamagedDataWarning) as caught:
        report = evaluate(load_voice(voice), bad_corpus, output=tmp_path / "out", ask_mos=False)
    records, recordings = (str(warning.message) for warning in caught)
    assert "damaged records left out: 1" in records and "meta.jsonl:2" in records
    assert "damaged recordings left out: 2" in recordings
    assert "akosua_00007.ogg cannot be read" in recordings
    assert "akosua_00087.ogg: is sampled at 16000 Hz" in recordings
    assert report["results"]["all"]["utterances"] == 1
    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written["damaged"]["count"] == 3
    assert written["damaged"]["reasons"] == report["damaged"]["reasons"]
    assert list(written["damaged"]["reasons"])[1:] == ["akosua_00007", "akosua_00087"]
    assert "note: damaged utterances left out: 3 (" in format_table(report)


def test_nothing_but_damage_is_an_error_alone(voice: Path, bad_corpus: Path) -> None:
    _change_records(bad_corpus, lambda record: record.update(units=record["units"][: len(record["frames"])]))
    (bad_corpus / "audio" / "akosua_00167.ogg").write_bytes(b"")
    with pytest.raises(DataError, match=r"no utterance of 3 can be used; the first: .*akosua_00007\.ogg"):
        evaluate(load_voice(voice), bad_corpus, ask_mos=False)


@pytest.mark.filterwarnings("ignore::kalakan.errors.DamagedDataWarning")
def test_a_speaker_of_whom_only_damage_is_left(voice: Path, bad_corpus: Path) -> None:
    only = {"akosua_00007": "kwame", "akosua_00087": "kwame"}
    _change_records(
        bad_corpus, lambda record: record.update(speaker=only.get(record["id"], record["speaker"]))
    )
    report = evaluate(load_voice(voice), bad_corpus, ask_mos=False)
    assert list(report["results"]) == ["akosua", "all"]
    assert "sentences of kwame were left out" in report["notes"]
    with pytest.raises(DataError, match="no test recording of speaker 'kwame' can be used; mend one"):
        evaluate(load_voice(voice), bad_corpus, speakers=["akosua", "kwame"], ask_mos=False)


def test_a_corpus_that_is_not_aligned_is_named(voice: Path, corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus, tmp_path / "bare")
    _change_records(tmp_path / "bare", lambda record: [record.pop(key) for key in ("frames", "lead")])
    with pytest.raises(DataError, match="has no durations yet; run `kalakan align"):
        evaluate(load_voice(voice), tmp_path / "bare", ask_mos=False)


def test_an_acoustic_model_without_given_durations_is_refused(
    voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kalakan.evaluation import voice_model

    monkeypatch.setattr(voice_model, "load_acoustic", lambda voice: torch.nn.Identity())
    with pytest.raises(VoiceError, match="takes no given durations"):
        VoiceModel(load_voice(voice))


def test_formant_differences_by_hand() -> None:
    recorded = {"a": VowelMedian(700, 1300, 3), "i": VowelMedian(300, 2000, 1)}
    spoken = {"a": VowelMedian(770, 1170, 3), "u": VowelMedian(300, 800, 1)}
    found = formant_differences(recorded, spoken)
    assert list(found) == ["a"]
    assert found["a"] == pytest.approx({"f1": 10.0, "f2": -10.0})
