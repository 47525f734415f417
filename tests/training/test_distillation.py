"""A student that learns from recordings and from a teacher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kalakan.errors import TrainingError
from kalakan.training.tasks.distillation import mel_distillation
from kalakan.training.trainer import Trainer
from tiny_corpus import make_corpus


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A voice that has barely learned; what it says is all that counts here."""
    folder = tmp_path_factory.mktemp("teacher")
    settings = {
        "model": {"encoder_layers": 1, "encoder_width": 24, "decoder_layers": 1, "predictor_layers": 1},
        "training": {"max_steps": 2, "batch_size": 4, "validate_every": 2, "validation_utterances": 2},
    }
    return Trainer("fastspeech2_small", settings).train(corpus, folder, quiet=True)


def losses(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["group"] == "train"]


def test_student_comes_near_its_teacher(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path, teacher: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 30, "validate_every": 30, "picture_every": 30, "warmup_steps": 1}
    tiny_config["training"] |= {"checkpoint_every": 30, "learning_rate": 5e-3}
    tiny_config["distillation"] = {"alpha": 0.0}
    Trainer("fastspeech2_small", tiny_config, teacher=teacher).train(corpus, tmp_path, quiet=True)
    distances = [line["distillation"] for line in losses(tmp_path)]
    assert sum(distances[-5:]) < 0.7 * sum(distances[:5])
    assert all(line["mel"] == 0.0 for line in losses(tmp_path))  # alpha 0: recordings do not count


def test_alpha_weighs_recordings_against_the_teacher(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path, teacher: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1, "validate_every": 1, "log_every": 1}
    first: dict[float, dict[str, float]] = {}
    for alpha in (0.25, 1.0):
        tiny_config["distillation"] = {"alpha": alpha}
        folder = tmp_path / str(alpha)
        Trainer("fastspeech2_small", tiny_config, teacher=teacher).train(corpus, folder, quiet=True)
        first[alpha] = losses(folder)[0]
    assert first[1.0]["distillation"] == 0.0
    assert first[0.25]["distillation"] > 0.0
    assert first[0.25]["mel"] == pytest.approx(0.25 * first[1.0]["mel"], rel=1e-5)


def test_distance_sees_shape_and_not_level() -> None:
    torch.manual_seed(0)
    mel, other = torch.randn(2, 80, 5), torch.randn(2, 80, 5)
    mask = torch.ones(2, 1, 5)
    assert float(mel_distillation(mel + 3.0, mel, mask, 2.0)) == pytest.approx(0.0, abs=1e-6)
    assert float(mel_distillation(other, mel, mask, 2.0)) > 0.01
    spoiled = other.clone()
    spoiled[:, :, 3:] = 100.0
    mask[:, :, 3:] = 0.0
    assert float(mel_distillation(spoiled, mel, mask, 2.0)) == float(mel_distillation(other, mel, mask, 2.0))


def test_unsuitable_teachers_are_named(tiny_config: dict[str, Any], tmp_path: Path, teacher: Path) -> None:
    with pytest.raises(TrainingError, match="learns from no teacher"):
        Trainer("harmonic_noise", teacher=teacher)
    tiny_config["audio"] = {"n_fft": 1024, "win_length": 1024}
    with pytest.raises(TrainingError, match="other audio settings"):
        Trainer("fastspeech2_small", tiny_config, teacher=teacher)


def test_teacher_must_know_every_speaker(tiny_config: dict[str, Any], tmp_path: Path, teacher: Path) -> None:
    strangers = make_corpus(tmp_path / "corpus")
    lines = (
        (strangers / "meta.jsonl")
        .read_text(encoding="utf-8")
        .replace('"speaker": "kwame"', '"speaker": "esi"')
    )
    (strangers / "meta.jsonl").write_text(lines, encoding="utf-8")
    trainer = Trainer("fastspeech2_small", tiny_config, teacher=teacher)
    with pytest.raises(TrainingError, match="does not know the speaker esi; its speakers are akosua, kwame"):
        trainer.train(strangers, tmp_path / "run", quiet=True)
