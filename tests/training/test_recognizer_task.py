from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kalakan.audio.files import read_audio
from kalakan.config.schema import AudioConfig, RecognitionConfig, RecognizerConfig
from kalakan.data.collate import collate
from kalakan.data.manifest import read_manifest
from kalakan.data.recognition import RecognitionDataset
from kalakan.errors import ConfigError, DataError, VoiceError
from kalakan.evaluation.evaluate import evaluate_speech
from kalakan.evaluation.report import format_speech
from kalakan.models.recognizer import STRIDE, Recognizer, best_sounds
from kalakan.recognition import PhoneRecognizer
from kalakan.text.phonemes import symbol_to_id
from kalakan.training.trainer import Trainer
from spoken_corpus import make_spoken_corpus

torch.set_num_threads(1)
SMALL: dict[str, Any] = {
    "model": {"width": 24, "inner": 32, "layers": 1, "recurrent_width": 24, "dropout": 0.0},
    "recognition": {"distortion_rate": 0.0},
    "training": {
        "max_steps": 300,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "warmup_steps": 10,
        "validate_every": 150,
        "checkpoint_every": 150,
        "picture_every": 300,
        "ema_decay": 0.9,
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A corpus in which every sound has a color of its own, and the folder of a run on it."""
    folder = tmp_path_factory.mktemp("recognizer")
    make_spoken_corpus(folder / "corpus", clips=60)
    Trainer("recognizer", SMALL).train(folder / "corpus", folder / "run", quiet=True)
    return folder / "corpus", folder / "run"


def test_what_is_said_in_new_recordings_is_heard(run: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, folder = run
    report = evaluate_speech(corpus, folder / "recognizer.pt", output=tmp_path)
    found = report["results"]["all"]
    assert found["phones"] >= 5
    assert found["recordings"] == 1
    assert found["error_percent"] < 20
    written = json.loads((tmp_path / "speech.json").read_text(encoding="utf-8"))
    assert written["results"]["s"]["phones"] == found["phones"]
    assert "phone errors" in format_speech(report)


def test_a_run_logs_its_error_rate_and_draws(run: tuple[Path, Path]) -> None:
    _, folder = run
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rates = [line["phone_error_rate"] for line in lines if "phone_error_rate" in line]
    assert len(rates) == 2
    assert rates[-1] < 0.3
    assert list((folder / "pictures").glob("*.png"))


def test_skipped_and_repeated_words_show(run: tuple[Path, Path]) -> None:
    corpus, folder = run
    ear = PhoneRecognizer(folder / "recognizer.pt")
    item = next(item for item in read_manifest(corpus) if item.split == "train")
    audio, rate = read_audio(item.audio)
    errors = [
        sum(said != heard for said, heard in ear.compare(audio, rate, units))
        for units in (item.units, (*item.units, "_", "m", "ʊ", "s", "i"), item.units[:4])
    ]
    assert errors[0] <= 1
    assert errors[1] >= 3
    assert errors[2] >= 3


def test_a_recognizer_goes_to_other_processes_by_its_path(run: tuple[Path, Path]) -> None:
    import pickle

    corpus, folder = run
    ear = PhoneRecognizer(folder / "recognizer.pt")
    twin = pickle.loads(pickle.dumps(ear))
    audio, rate = read_audio(read_manifest(corpus)[0].audio)
    assert twin.sounds(audio, rate) == ear.sounds(audio, rate) != []
    assert twin.sha256 == ear.sha256
    assert ear.sounds(audio[:10], rate) == []


def test_other_rates_are_resampled(run: tuple[Path, Path]) -> None:
    corpus, folder = run
    ear = PhoneRecognizer(folder / "recognizer.pt")
    audio, rate = read_audio(read_manifest(corpus)[0].audio)
    doubled = np.repeat(audio, 2)
    assert ear.sounds(doubled, 2 * rate) == ear.sounds(audio, rate)


def test_only_a_recognizer_is_taken(tmp_path: Path) -> None:
    from kalakan.models import registry
    from kalakan.voices.manifest import ModelRecord
    from kalakan.voices.weights import save_pt

    config = {"width": 8, "inner": 8, "layers": 1}
    aligner = registry.create("aligner", config, AudioConfig())
    save_pt(tmp_path / "a.pt", aligner, ModelRecord("aligner", config), AudioConfig())
    with pytest.raises(VoiceError, match="holds a aligner, not a recognizer"):
        PhoneRecognizer(tmp_path / "a.pt")


def test_a_batch_equals_its_utterances() -> None:
    torch.manual_seed(0)
    model = Recognizer(RecognizerConfig(width=16, inner=16, layers=2, recurrent_width=8)).eval()
    frames = [1, 2, 63, 129]
    mels = [torch.randn(80, size) for size in frames]
    batch = collate([{"mel": mel, "frames": torch.tensor(mel.shape[1])} for mel in mels], 1e-5)
    with torch.no_grad():
        logs, lengths = model(batch["mel"], batch["frames"])
        for row, mel in enumerate(mels):
            alone, length = model(mel[None], torch.tensor([mel.shape[1]]))
            assert int(length) == int(lengths[row]) == -(-frames[row] // STRIDE)
            torch.testing.assert_close(logs[row, : int(length)], alone[0], atol=1e-5, rtol=1e-4)


def test_level_and_microphone_do_not_matter() -> None:
    torch.manual_seed(1)
    model = Recognizer(RecognizerConfig(width=16, inner=16, layers=1, recurrent_width=8)).eval()
    mel = torch.randn(1, 80, 40)
    with torch.no_grad():
        one, _ = model(mel, torch.tensor([40]))
        louder, _ = model(mel + 1.5, torch.tensor([40]))
    torch.testing.assert_close(one, louder, atol=1e-4, rtol=1e-3)


def test_best_sounds_leave_out_blanks_and_repetitions() -> None:
    logs = torch.nn.functional.one_hot(torch.tensor([[5, 5, 0, 5, 7, 0, 9]]), 12).float()
    assert best_sounds(logs, torch.tensor([6])) == [[5, 5, 7]]


def test_several_corpora(run: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, _ = run
    more = tmp_path / "more"
    shutil.copytree(corpus, more)
    lines = (more / "meta.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        name = json.loads(line)["id"]
        (more / "audio" / f"{name}.flac").rename(more / "audio" / f"x{name}.flac")
    text = "\n".join(line.replace('"clip_', '"xclip_') for line in lines)
    (more / "meta.jsonl").write_text(text, encoding="utf-8")
    config = RecognitionConfig(corpora=(str(more),))
    both = RecognitionDataset(corpus, config=config, features=tmp_path / "f")
    alone = RecognitionDataset(corpus, features=tmp_path / "f")
    assert len(both) == 2 * len(alone)
    item = both[len(both) - 1]
    assert [symbol_to_id(sound) for sound in both.sounds(len(both) - 1)] == item["sounds"].tolist()
    assert not any(utterance.is_test for utterance in both.utterances)
    with pytest.raises(DataError, match=r"'clip_00002', as .* has; rename one"):
        RecognitionDataset(corpus, config=RecognitionConfig(corpora=(str(corpus),)), features=tmp_path / "f")


def test_distortion_is_of_the_training_split_only(run: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, _ = run
    plain = RecognitionDataset(corpus, features=tmp_path)
    varied = RecognitionDataset(corpus, features=tmp_path, varied=True)
    one = varied[0]["mel"]
    assert one.shape != plain[0]["mel"].shape or not torch.equal(one, plain[0]["mel"])
    assert torch.equal(varied[0]["mel"], one)
    varied.set_epoch(1)
    assert varied[0]["mel"].shape != one.shape or not torch.equal(varied[0]["mel"], one)


def test_settings_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"recognition\.distortion_rate is 2\.0; it must lie in \[0, 1\]"):
        RecognitionConfig(distortion_rate=2.0)
    with pytest.raises(ConfigError, match=r"model\.kernel is 4; it must be odd"):
        RecognizerConfig(kernel=4)


def test_the_split_without_recordings_is_an_error(run: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, folder = run
    with pytest.raises(DataError, match="holds no recording of the test split of nobody"):
        evaluate_speech(corpus, folder / "recognizer.pt", speakers=["nobody"])
