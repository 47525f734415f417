"""A discriminator beside the vocoder: two phases in the one loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kalakan.models.vocoders.discriminators.resolution import ResolutionDiscriminator
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.losses.adversarial import discriminator_loss, feature_loss, generator_loss
from kalakan.training.trainer import Trainer
from kalakan.voices.weights import load_pt
from tiny_corpus import make_corpus

TINY: dict[str, dict[str, Any]] = {
    "model": {"width": 8, "layers": 1, "inner": 8, "kernel": 3, "f0_width": 8},
    "segments": {"frames": 16, "validation_frames": 16},
    "adversarial": {"weight": 1.0, "channels": 2},
    "training": {
        "batch_size": 3,
        "max_steps": 4,
        "warmup_steps": 0,
        "log_every": 1,
        "validate_every": 4,
        "checkpoint_every": 2,
        "picture_every": 4,
        "validation_utterances": 2,
    },
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def changed(**training: Any) -> dict[str, dict[str, Any]]:
    return {**TINY, "training": {**TINY["training"], **training}}


def test_both_networks_learn_and_only_the_vocoder_is_the_product(corpus: Path, tmp_path: Path) -> None:
    trainer = Trainer("harmonic_noise", changed(max_steps=1, ema_decay=0.0))
    trainer.task.datasets(corpus, tmp_path / "features")
    torch.manual_seed(trainer.settings.training.seed)
    before = trainer.task.build(trainer.settings).state_dict()
    trainer.train(corpus, tmp_path, quiet=True)
    after = load_checkpoint(tmp_path / "last.pt")["modules"]
    for module in ("discriminator", "vocoder.project_out"):
        names = [name for name in after if name.startswith(module)]
        assert names
        assert any(not torch.equal(after[name], before[name]) for name in names), module
    assert not any("judges" in name for name in load_pt(tmp_path / "vocoder_model.pt").module.state_dict())
    line = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert {"judged", "adversarial", "features", "gradient_norm_discriminator"} <= line.keys()


def test_discriminator_has_learned_when_the_vocoder_asks_it(corpus: Path, tmp_path: Path) -> None:
    trainer = Trainer("harmonic_noise", TINY)
    seen: list[tuple[str, float]] = []
    phases = trainer.task.phases

    def watch(modules: Any, batch: Any, step: int) -> Any:
        for phase in phases(modules, batch, step):
            seen.append((phase.name, float(modules["discriminator"].judges[0].out.bias.detach())))
            yield phase

    trainer.task.phases = watch  # type: ignore[method-assign]
    trainer.train(corpus, tmp_path, quiet=True)
    assert [name for name, _ in seen] == ["discriminator", "vocoder"] * 4
    biases = [bias for _, bias in seen]
    assert all(
        biases[turn] != biases[turn + 1] for turn in range(0, 8, 2)
    )  # it stepped between the two phases
    assert all(
        biases[turn] == biases[turn + 1] for turn in range(1, 7, 2)
    )  # the vocoder's step leaves it alone


def test_vocoder_does_not_listen_before_the_start_step(corpus: Path, tmp_path: Path) -> None:
    settings = {**TINY, "adversarial": {**TINY["adversarial"], "start_step": 2}}
    Trainer("harmonic_noise", settings).train(corpus, tmp_path, quiet=True)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    heard = ["adversarial" in line for line in lines if line["group"] == "train"]
    assert heard == [False, False, True, True]


def test_resumed_run_equals_an_uninterrupted_one(corpus: Path, tmp_path: Path) -> None:
    Trainer("harmonic_noise", changed()).train(corpus, tmp_path / "whole", quiet=True)
    halves = changed(max_steps=4)
    trainer = Trainer("harmonic_noise", halves)
    stopped = trainer.task.phases
    count = 0

    def stop_after_two(modules: Any, batch: Any, step: int) -> Any:
        nonlocal count
        count += 1
        if count > 2:
            raise KeyboardInterrupt
        yield from stopped(modules, batch, step)

    trainer.task.phases = stop_after_two  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train(corpus, tmp_path / "halves", quiet=True)
    Trainer("harmonic_noise", halves).train(corpus, tmp_path / "halves", quiet=True)
    whole, parts = (load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "halves"))
    for name, value in whole["modules"].items():
        torch.testing.assert_close(parts["modules"][name], value, rtol=0, atol=0, msg=name)


def test_run_with_a_discriminator_begins_with_a_vocoder_alone(corpus: Path, tmp_path: Path) -> None:
    alone = {**changed(max_steps=1), "adversarial": {"weight": 0.0}}
    Trainer("harmonic_noise", alone).train(corpus, tmp_path / "alone", quiet=True)
    source = tmp_path / "alone" / "last.pt"
    Trainer("harmonic_noise", changed(max_steps=1)).train(
        corpus, tmp_path / "pair", quiet=True, start_from=source
    )
    report = json.loads((tmp_path / "pair" / "started_from.json").read_text())
    assert report["source"] == str(source)
    assert report["left_out"]
    assert all(name.startswith("discriminator.") for name in report["left_out"])
    assert all("starts fresh" in reason for reason in report["left_out"].values())


def test_losses_of_perfect_and_worst_opinions() -> None:
    ones, zeros = torch.ones(2, 1, 3, 3), torch.zeros(2, 1, 3, 3)
    real, fake = [(ones, [ones])], [(zeros, [zeros])]
    assert float(discriminator_loss(real, fake)) == 0.0
    assert float(discriminator_loss(fake, real)) == 2.0
    assert float(generator_loss(fake)) == 1.0
    assert float(generator_loss(real)) == 0.0
    assert float(feature_loss(real, fake)) == 1.0


@pytest.mark.parametrize("samples", [1024, 1025, 4801])
def test_judges_score_any_length_from_their_longest_window_on(samples: int) -> None:
    discriminator = ResolutionDiscriminator(2)
    opinions = discriminator(torch.randn(2, samples))
    assert len(opinions) == 3
    for scores, features in opinions:
        assert scores.shape[0] == 2
        assert torch.isfinite(scores).all()
        assert len(features) == 4
