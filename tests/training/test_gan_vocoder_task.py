"""HiFi-GAN and MelGAN in the one Trainer: phases, losses, resuming, the product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize

from kalakan.data.features import FeatureStore
from kalakan.export.voice import add_vocoder
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.losses.adversarial import hinge_discriminator_loss, hinge_generator_loss
from kalakan.training.tasks.gan_vocoder import GanVocoderTask
from kalakan.training.trainer import Trainer
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_pt, load_vocoder

MODELS: dict[str, dict[str, Any]] = {
    "hifigan": {"residual_kernels": [3], "residual_dilations": [[1, 3]]},
    "melgan": {"mel_weight": 45.0},
}
TRAINING = {
    "batch_size": 2,
    "max_steps": 2,
    "log_every": 1,
    "validate_every": 2,
    "checkpoint_every": 2,
    "picture_every": 2,
    "validation_utterances": 2,
}


def tiny(name: str, **training: Any) -> dict[str, dict[str, Any]]:
    """Settings of a run that takes a second or two."""
    return {
        "model": {"channels": 16, "discriminator_width": 4, **MODELS[name]},
        "segments": {"frames": 16, "validation_frames": 16},
        "training": {**TRAINING, **training},
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_run_leaves_a_folded_vocoder_and_both_curves(corpus: Path, tmp_path: Path, name: str) -> None:
    Trainer(name, tiny(name)).train(corpus, tmp_path, quiet=True)
    loaded = load_pt(tmp_path / "vocoder_model.pt")
    assert loaded.record.type == name
    assert not any(parametrize.is_parametrized(part) for part in loaded.module.modules())
    trainer = Trainer(name, tiny(name))
    modules = trainer.task.build(trainer.settings)
    average = load_checkpoint(tmp_path / "best.pt")["average"]
    assert {key.split(".")[0] for key in average} == {"vocoder"}
    modules.load_state_dict(average, strict=False)
    mel = torch.randn(1, 80, 4) - 5
    torch.testing.assert_close(loaded.module(mel), modules["vocoder"](mel), atol=1e-6, rtol=0)
    records = lines(tmp_path)
    assert {"judged", "adversarial", "features", "mel", "gradient_norm_vocoder"} <= records[0].keys()
    assert {"mel_l1", "features", "score"} <= records[-1].keys()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2


def test_a_resumed_run_ends_like_an_uninterrupted_one(corpus: Path, tmp_path: Path) -> None:
    settings = tiny("hifigan", max_steps=3, validate_every=9, picture_every=9, decay_fraction=0.0)
    Trainer("hifigan", settings).train(corpus, tmp_path / "whole", quiet=True)
    for steps in (1, 3):
        settings["training"]["max_steps"] = steps
        Trainer("hifigan", settings).train(corpus, tmp_path / "parts", quiet=True)
    whole, parts = (load_checkpoint(tmp_path / name / "last.pt")["modules"] for name in ("whole", "parts"))
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name


def test_a_run_may_begin_with_the_discriminator_of_another(corpus: Path, tmp_path: Path) -> None:
    settings = tiny("hifigan", max_steps=1, learning_rate=1e-12, weight_decay=0.0, validate_every=9)
    settings["training"] |= {"picture_every": 9, "ema_decay": 0.0}
    Trainer("hifigan", settings).train(corpus, tmp_path / "run", quiet=True)
    last = tmp_path / "run" / "last.pt"
    wanted = load_checkpoint(last)["modules"]
    Trainer("hifigan", settings).train(corpus, tmp_path / "begun", quiet=True, start_from=last)
    begun = load_checkpoint(tmp_path / "begun" / "last.pt")["modules"]
    assert json.loads((tmp_path / "begun" / "started_from.json").read_text())["left_out"] == {}
    moving = ("._u", "._v")  # spectral norm's, moved by every look
    names = [name for name in wanted if name.startswith("discriminator.") and not name.endswith(moving)]
    assert names
    for name in names:
        torch.testing.assert_close(begun[name], wanted[name], rtol=0, atol=1e-5)


def test_validation_leaves_the_discriminator_as_it_is(corpus: Path, tmp_path: Path) -> None:
    """It is not averaged, so validation looks at the one in training; spectral norm would move in training mode."""
    runs = []
    for often in (1, 9):
        settings = tiny("hifigan", max_steps=3, validate_every=often, picture_every=9, checkpoint_every=9)
        Trainer("hifigan", settings).train(corpus, tmp_path / f"{often}", quiet=True)
        runs.append(load_checkpoint(tmp_path / f"{often}" / "last.pt")["modules"])
    for name, value in runs[0].items():
        assert torch.equal(value, runs[1][name]), name


def test_mel_only_vocoders_compute_no_f0(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FeatureStore, "f0", lambda *_: pytest.fail("a GAN vocoder reads no F0"))
    Trainer("melgan", tiny("melgan", max_steps=1, picture_every=1)).train(corpus, tmp_path, quiet=True)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2


@pytest.mark.parametrize(("name", "louder"), [("hifigan", 8.0), ("melgan", 1.0)])
def test_mel_loss_falls_when_a_batch_is_repeated(
    corpus: Path, tmp_path: Path, name: str, louder: float
) -> None:
    trainer = Trainer(name, tiny(name))
    data, _ = trainer.task.datasets(corpus, tmp_path)
    torch.manual_seed(0)
    modules = trainer.task.build(trainer.settings)
    for key, value in modules["vocoder"].named_parameters():
        if key.endswith("original0"):
            value.data.mul_(louder)  # few channels of the papers' first weights are next to silent
    batch = trainer.task.collate([data[index] for index in range(2)])
    optimizers = {key: torch.optim.AdamW(part.parameters(), lr=5e-3) for key, part in modules.items()}
    mels = []
    for step in range(10):
        for phase in trainer.task.phases(modules, batch, step):
            optimizers[phase.name].zero_grad()
            torch.stack(list(phase.losses.values())).sum().backward()
            optimizers[phase.name].step()
            mels += [float(phase.losses["mel"].detach())] if phase.name == "vocoder" else []
    assert min(mels) < 0.8 * mels[0]


def test_each_phase_moves_its_own_network_only(corpus: Path, tmp_path: Path) -> None:
    trainer = Trainer("melgan", tiny("melgan"))
    data, _ = trainer.task.datasets(corpus, tmp_path)
    modules = trainer.task.build(trainer.settings)
    batch = trainer.task.collate([data[0], data[1]])
    for phase in trainer.task.phases(modules, batch, 0):
        modules.zero_grad()
        torch.stack(list(phase.losses.values())).sum().backward()
        for name, part in modules.items():
            moved = any(value.grad is not None and value.grad.any() for value in part.parameters())
            assert moved == (name == phase.name), (name, phase.name)


def test_melgan_of_the_paper_hears_no_mel_loss(corpus: Path, tmp_path: Path) -> None:
    settings = tiny("melgan")
    del settings["model"]["mel_weight"]
    task = Trainer("melgan", settings).task
    assert isinstance(task, GanVocoderTask)
    assert (task.objective.mel_weight, task.objective.feature_weight) == (0.0, 10.0)
    assert Trainer("hifigan").settings.training.learning_rate == 2e-4


def test_hinge_losses() -> None:
    recorded = [(torch.tensor([2.0, 0.0]), [torch.zeros(1)])]
    made = [(torch.tensor([-3.0, 1.0]), [torch.zeros(1)])]
    assert float(hinge_discriminator_loss(recorded, made)) == pytest.approx(0.5 + 1.0)
    assert float(hinge_generator_loss(made)) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["hifigan", "melgan"])
def test_a_trained_vocoder_speaks_in_a_voice_on_both_engines(
    corpus: Path, tmp_path: Path, tiny_config: dict[str, Any], name: str
) -> None:
    tiny_config["training"].update(max_steps=1, validate_every=1, picture_every=9)
    voice = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "acoustic", quiet=True)
    run = tmp_path / "vocoder"
    weights = Trainer(name, tiny(name, max_steps=1, validate_every=9)).train(corpus, run, quiet=True)
    from kalakan.export.voice import add_onnx

    add_onnx(voice)
    made = add_vocoder(voice, weights, tmp_path / "voice")
    assert load_voice(made.path).manifest.vocoder.type == name
    onnx = Synthesizer(made.path, engine="onnx").synthesize("Yoo")
    scripted = Synthesizer(made.path, engine="torch").synthesize("Yoo")
    np.testing.assert_allclose(onnx, scripted.numpy(), atol=1e-3)
    # A new run may begin with what the voice holds: folded weights, taken apart again.
    again = Trainer(name, tiny(name, max_steps=1, validate_every=9, learning_rate=1e-9, ema_decay=0.0))
    again.train(corpus, tmp_path / "again", start_from=made.path, quiet=True)
    first = load_vocoder(made).state_dict()
    second = load_pt(tmp_path / "again" / "vocoder_model.pt").module.state_dict()
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, atol=1e-5, rtol=1e-4)
