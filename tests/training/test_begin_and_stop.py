"""How a run begins with other weights, goes through its learning rates, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from kalakan.cli.train import command as train_command
from kalakan.config.schema import TrainingConfig
from kalakan.errors import TrainingError
from kalakan.models import registry
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.distributed import Group, Place
from kalakan.training.stepper import Stepper, learning_rate
from kalakan.training.trainer import Trainer
from kalakan.training.warm_start import (
    MOST_NAMED,
    Source,
    load_fitting,
    named,
    named_speakers,
    with_rows_by_name,
    with_sizes_of,
)
from kalakan.voices.package import load_voice

Settings = dict[str, dict[str, Any]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_a_checkpoint_and_a_product(
    tiny_config: Settings, corpus: Path, tmp_path: Path, number: signal.Signals
) -> None:
    tiny_config["training"] |= {"max_steps": 100_000, "validate_every": 9, "checkpoint_every": 9}
    trainer = Trainer("fastspeech2_small", tiny_config)
    phases = trainer.task.phases

    def signalled(modules: Any, batch: Any, step: int) -> Any:
        if step == 2:
            os.kill(os.getpid(), number)
        return phases(modules, batch, step)

    def missed(*_: object) -> None:
        raise AssertionError(f"the run did not take {number.name}")

    trainer.task.phases = signalled  # type: ignore[method-assign]
    before = signal.signal(number, missed)  # what usually ends the tests fails this one
    stopped: list[int] = []
    try:
        voice = trainer.train(corpus, tmp_path, quiet=True, on_signal=stopped.append)
        assert signal.getsignal(number) is missed
    finally:
        signal.signal(number, before)
    assert stopped == [number]
    assert (voice / "voice.json").is_file()
    assert load_checkpoint(tmp_path / "last.pt")["position"]["step"] == 3
    tiny_config["training"] |= {"max_steps": 5}
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path, quiet=True)
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records if record["group"] == "train"] == [1, 2, 3, 4, 5]


def test_a_signal_that_is_ignored_stays_ignored(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    """As under nohup."""
    tiny_config["training"] |= {"max_steps": 3}
    trainer = Trainer("fastspeech2_small", tiny_config)
    phases = trainer.task.phases

    def hung_up(modules: Any, batch: Any, step: int) -> Any:
        signal.raise_signal(signal.SIGHUP)
        return phases(modules, batch, step)

    trainer.task.phases = hung_up  # type: ignore[method-assign]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        trainer.train(corpus, tmp_path, quiet=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert load_checkpoint(tmp_path / "last.pt")["position"]["step"] == 3


def test_a_second_signal_acts_as_usual(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    trainer = Trainer("fastspeech2_small", tiny_config)

    def signalled(*_: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    trainer.task.phases = signalled  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train(corpus, tmp_path, quiet=True)


def test_a_run_has_the_inner_sizes_of_the_voice_that_it_starts_from(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    """A pruned voice is trained on without a word about its sizes, from its folder and from its checkpoint."""
    smaller = {"encoder_filter": 8, "decoder_filter": 24, "predictor_width": 8}
    tiny_config["training"] |= {"max_steps": 1}
    tiny_config["model"] |= smaller
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "one", quiet=True)
    model = {name: value for name, value in tiny_config["model"].items() if name not in smaller}
    usual = {**tiny_config, "model": model}
    for source in ("voice", "last.pt"):
        run = tmp_path / source.replace(".", "_")
        trainer = Trainer("fastspeech2_small", usual)
        product = trainer.train(corpus, run, start_from=tmp_path / "one" / source, quiet=True)
        config = load_voice(product).manifest.acoustic.config
        assert {name: config[name] for name in smaller} == smaller
        assert json.loads((run / "started_from.json").read_text())["left_out"] == {}
        usual["training"] = {**usual["training"], "max_steps": 2}
        again = Trainer("fastspeech2_small", usual)  # is resumed, though its source is gone
        assert again.train(corpus, run, start_from=tmp_path / "gone", quiet=True) == product
        usual["training"]["max_steps"] = 1


def test_only_sizes_that_are_left_at_their_usual_values_are_taken_over(tiny_voice: Path) -> None:
    usual = registry.training_settings("fastspeech2_small")
    theirs: Any = load_voice(tiny_voice).manifest.acoustic.config
    found: Any = with_sizes_of(usual, "fastspeech2_small", tiny_voice).model
    assert found.decoder_filter == theirs["decoder_filter"] != usual.model.decoder_filter  # type: ignore[union-attr]
    assert found.encoder_width == usual.model.encoder_width  # type: ignore[union-attr]
    own = replace(usual, model=replace(usual.model, decoder_filter=304))  # type: ignore[call-arg]
    chosen: Any = with_sizes_of(own, "fastspeech2_small", tiny_voice).model
    assert (chosen.decoder_filter, chosen.encoder_filter) == (304, theirs["encoder_filter"])
    assert with_sizes_of(usual, "fastspeech2", tiny_voice) == usual


def test_every_tensor_that_does_not_fit_is_named_with_its_reason(
    tiny_config: Settings, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model of two speakers is tuned to the recordings of one, with a smaller predictor."""
    tiny_config["training"] |= {"max_steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "two", quiet=True)
    lines = (corpus / "meta.jsonl").read_text().splitlines()
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "audio").symlink_to(corpus / "audio")
    (tmp_path / "corpus" / "meta.jsonl").write_text("\n".join(line for line in lines if "akosua" in line))
    tiny_config["model"]["predictor_width"] = 4
    source, run = tmp_path / "two" / "last.pt", tmp_path / "one"
    with pytest.raises(TrainingError, match=r"last\.pt: its weights do not fit this model: \d+% of acoustic"):
        other = {**tiny_config, "model": {**tiny_config["model"], "encoder_width": 32, "decoder_filter": 32}}
        Trainer("fastspeech2_small", other).train(corpus, tmp_path / "misfit", start_from=source, quiet=True)
    Trainer("fastspeech2_small", tiny_config).train(tmp_path / "corpus", run, start_from=source)
    report = json.loads((run / "started_from.json").read_text())
    left_out = report["left_out"]
    assert report["speakers"] == {"akosua": ["akosua"]}
    assert left_out["acoustic.pitch_mean"] == "the source has no such tensor; it starts fresh"
    assert any("predictor" in name for name in left_out)
    wanted, found = (load_checkpoint(path)["modules"] for path in (source, run / "last.pt"))
    tables = [name for name in wanted if name.endswith("speaker_embedding.weight")]
    wanted |= {name: wanted[name][:1] for name in tables}
    differ = {name for name, value in found.items() if wanted[name].shape != value.shape}
    assert differ <= left_out.keys()
    for name in found.keys() - left_out.keys():
        torch.testing.assert_close(found[name], wanted[name], rtol=0, atol=1e-6)
    said = capsys.readouterr().err
    shown = [name for name in left_out if f"{source}: left out {name}: {left_out[name]}" in said]
    assert len(shown) == min(MOST_NAMED, len(left_out))


def test_speakers_begin_with_their_own_rows_and_new_ones_with_the_nearest_voice() -> None:
    table = torch.arange(4.0).reshape(2, 2)
    name, mean = "acoustic.speaker_embedding.weight", "acoustic.pitch_mean"
    source = Source(
        {name: table, mean: torch.tensor([5.2, 4.6]), "acoustic.bias": torch.ones(2)}, ("ama", "kofi")
    )
    own = {mean: torch.tensor([4.7, 4.9, 5.0, 5.1])}
    weights, origins = with_rows_by_name(own, source, ("yaw", "kofi", "esi", "ama"))
    assert origins == {"yaw": ("kofi",), "kofi": ("kofi",), "esi": ("ama",), "ama": ("ama",)}
    assert weights[name].tolist() == [[2, 3], [2, 3], [0, 1], [0, 1]]
    assert mean not in weights
    assert weights["acoustic.bias"] is source.weights["acoustic.bias"]
    lines = named_speakers(origins, Path("voice"))
    assert lines[0] == "voice: speaker yaw begins as kofi"
    weights, origins = with_rows_by_name({}, source, ("kofi", "esi"))
    assert origins == {"kofi": ("kofi",), "esi": ("ama", "kofi")}
    assert weights[name].tolist() == [[2, 3], [1, 2]]
    assert with_rows_by_name(own, source, ("ama", "kofi")) == (source.weights, {})


def test_reasons_of_tensors_left_out() -> None:
    modules = nn.ModuleDict({"acoustic": nn.Sequential(nn.Linear(8, 8), nn.Linear(2, 2))})
    weights = {name: value.clone() for name, value in modules.state_dict().items()}
    weights["acoustic.1.weight"] = torch.zeros(3, 2)
    weights["acoustic.2.weight"] = weights.pop("acoustic.1.bias")
    left_out = load_fitting(modules, weights, Path("source.pt"))
    assert left_out == {
        "acoustic.1.weight": "has shape [3, 2] there and [2, 2] here",
        "acoustic.1.bias": "the source has no such tensor; it starts fresh",
        "acoustic.2.weight": "this model has no such tensor",
    }
    many = {f"tensor {number}": "is odd" for number in range(MOST_NAMED + 3)}
    lines = named(many, Path("source.pt"), Path("report.json"))
    assert len(lines) == MOST_NAMED + 1
    assert lines[-1] == "… and 3 more; report.json names them all"


def test_learning_rate_warms_up_stays_and_falls_to_zero() -> None:
    config = TrainingConfig(max_steps=100, warmup_steps=10, learning_rate=1.0, decay_fraction=0.5)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:51] == [1.0] * 41
    assert rates[51:] == pytest.approx([0.02 * (100 - step) for step in range(51, 100)])
    constant = TrainingConfig(max_steps=100, warmup_steps=0, learning_rate=1.0, decay_fraction=0.0)
    assert {learning_rate(step, constant) for step in range(100)} == {1.0}


@pytest.mark.parametrize("sizes", [(2, 2), (1, 1, 1, 1), (1, 3), (4,)])
def test_accumulated_batches_step_like_one_large(
    tiny_config: Settings, corpus: Path, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    """Whatever the lengths in the batches, and also in the last, shorter group of an epoch: a group is as long as it
    is, not as it should be."""
    tiny_config["training"] |= {"grad_accumulation_steps": 4, "warmup_steps": 0}
    tiny_config["model"] |= {"dropout": 0.0, "predictor_dropout": 0.0}
    tiny_config["data"] = {"substitution_rate": 0.0, "bos_rate": 1.0, "tone_drop_rate": 0.0}
    weights = []
    for split in (sizes, (4,)):
        trainer = Trainer("fastspeech2_small", tiny_config)
        data, _ = trainer.task.datasets(corpus, tmp_path / "features")
        torch.manual_seed(0)
        modules = trainer.task.build(trainer.settings)
        group = Group(Place(), torch.device("cpu"))
        stepper = Stepper(trainer.task, modules, trainer.settings.training, group)
        places = iter(range(4))
        batches = [trainer.task.collate([data[next(places)] for _ in range(size)]) for size in split]
        scores, finite = stepper.step(batches, 0)
        assert finite
        names = ("mel", "variation", "duration", "pitch", "voicing", "energy", "gradient_norm")
        weights.append([scores[name] for name in names])
    assert weights[0] == pytest.approx(weights[1], rel=1e-4)


def test_profile_and_teacher_of_the_command(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    tiny_config["training"] |= {"max_steps": 2}
    config.write_text(json.dumps(tiny_config))
    shared = ["--data-dir", str(corpus), "--config", str(config), "-q"]

    def run(*arguments: str) -> tuple[int, str]:
        made = CliRunner().invoke(train_command, [*shared, *arguments])
        return made.exit_code, made.output if made.exception is None else str(made.exception)

    small = ("--model-type", "fastspeech2_small")
    code, said = run(*small, "--output-dir", str(tmp_path / "teacher"), "--profile")
    assert code == 0
    assert "profile: 2 steps" in said and "items/s" in said and "waited for data" in said
    teacher = ("--teacher", str(tmp_path / "teacher" / "voice"))
    code, said = run(*small, "--output-dir", str(tmp_path / "student"), *teacher)
    assert code == 0, said
    lines = (tmp_path / "student" / "metrics.jsonl").read_text().splitlines()
    assert all(json.loads(line)["distillation"] > 0 for line in lines if '"train"' in line)
    config.write_text("{}")
    code, said = run("--model-type", "hifigan", "--output-dir", str(tmp_path / "v"), *teacher)
    assert code != 0 and "'hifigan' learns from no teacher" in said
