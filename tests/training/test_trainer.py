from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kalakan.data.dataset import TwiDataset
from kalakan.data.manifest import read_manifest
from kalakan.errors import ConfigError, DataError, TrainingError
from kalakan.text.phonemes import TABLE_HASH
from kalakan.training.batches import batch_groups
from kalakan.training.checkpoint import Position, check_table, load_checkpoint, save_checkpoint
from kalakan.training.distributed import Group, Place
from kalakan.training.tasks import acoustic as acoustic_task
from kalakan.training.tasks.acoustic import AcousticTask
from kalakan.training.trainer import Trainer
from kalakan.utils.config import Config
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic, load_pt
from tiny_corpus import make_corpus

Settings = dict[str, dict[str, Any]]


def _train(config: Settings, corpus: Path, output: Path, **options: Any) -> Path:
    trainer = Trainer(model_type="fastspeech2_small", config=Config(config), device="cpu")
    return trainer.train(corpus, output, quiet=True, **options)


def _lines(output: Path, group: str) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [record for record in records if record["group"] == group]


def test_run_leaves_a_voice_checkpoints_curves_and_pictures(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    voice = load_voice(_train(tiny_config, corpus, tmp_path))
    assert voice.manifest.speakers == ("akosua", "kwame")
    assert voice.manifest.acoustic.type == "fastspeech2_small"
    assert voice.manifest.vocoder.type == "griffin_lim"
    expected = load_checkpoint(tmp_path / "best.pt")["average"]
    for module in (load_acoustic(voice), load_pt(tmp_path / "acoustic_model.pt").module):
        for name, value in module.state_dict().items():
            assert torch.equal(value, expected[f"acoustic.{name}"]), name
    assert len(_lines(tmp_path, "train")) == 6
    assert [line["step"] for line in _lines(tmp_path, "validation")] == [3, 6]
    times = _lines(tmp_path, "time")
    assert {"waited_s", "computed_s", "cpu_s", "items", "items_of_epoch"} <= set(times[-1])
    assert all(line["computed_s"] > 0 and line["items"] > 0 for line in times)
    assert sorted(path.suffix for path in (tmp_path / "pictures").iterdir()) == [".png", ".png"]
    assert not list(tmp_path.rglob("*.partial"))
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"train/loss", "validation/score"} <= set(board.Tags()["scalars"])
    names = [tag.removeprefix("picture/") for tag in board.Tags()["images"]]
    assert len(names) == 2
    assert set(names) <= {item.id for item in read_manifest(corpus)}
    assert board.Tags()["audio"] == [f"sound/{name}" for name in names]
    assert board.Audio(f"sound/{names[0]}")[0].sample_rate == 24_000


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"grad_accumulation_steps": 2, "mixed_precision": True, "gradient_checkpointing": True, "workers": 1},
    ],
    ids=["plain", "accumulated"],
)
def test_resumed_run_equals_an_uninterrupted_one(
    tiny_config: Settings, corpus: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    tiny_config["training"] |= {"max_steps": 8, "checkpoint_every": 1, "picture_every": 100}
    tiny_config["training"] |= changes
    _train(tiny_config, corpus, tmp_path / "whole")

    class Interrupted(Trainer):
        """Stops after three steps, in the middle of an epoch, as a kill would."""

    trainer = Interrupted("fastspeech2_small", tiny_config)
    phases, count = trainer.task.phases, 0

    def stop_after_three(*args: Any) -> Any:
        nonlocal count
        count += 1
        if count > 3 * changes.get("grad_accumulation_steps", 1):
            raise KeyboardInterrupt
        return phases(*args)

    trainer.task.phases = stop_after_three  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train(corpus, tmp_path / "cut", quiet=True)
    _train(tiny_config, corpus, tmp_path / "cut")
    losses = [[line["loss"] for line in _lines(tmp_path / name, "train")] for name in ("whole", "cut")]
    assert losses[0] == losses[1]
    whole, cut = (load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "cut"))
    assert whole["position"] == cut["position"]
    for part in ("modules", "average"):
        for name, value in whole[part].items():
            assert torch.equal(value, cut[part][name]), (part, name)
    torch.testing.assert_close(cut["optimizers"], whole["optimizers"], rtol=0, atol=0)
    validations = [
        [line["score"] for line in _lines(tmp_path / name, "validation")] for name in ("whole", "cut")
    ]
    assert validations[0] == validations[1]


def test_f0_and_energy_that_never_move_can_be_learned_from(
    tiny_config: Settings, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a synthetic voice: a spread of 0 would make the weights NaN."""
    monkeypatch.setattr(
        TwiDataset, "f0", lambda self, index: np.full(self.frame_counts()[index], 128, np.float32)
    )
    trainer = Trainer("fastspeech2_small", tiny_config)
    train, _ = trainer.task.datasets(corpus, tmp_path)
    model = trainer.task.build(trainer.settings)["acoustic"]
    assert float(model.pitch_std) == pytest.approx(0.01)
    monkeypatch.setattr(acoustic_task, "statistics_mel", lambda data: np.full((80, 9), -5.0))
    model = trainer.task.build(trainer.settings)["acoustic"]
    assert float(model.energy_std) == pytest.approx(0.01)
    batch = trainer.task.collate([train[0], train[1]])
    (phase,) = trainer.task.phases(torch.nn.ModuleDict({"acoustic": model}), batch, 0)
    assert all(torch.isfinite(loss) for loss in phase.losses.values())


def test_loss_falls(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {
        "max_steps": 60,
        "learning_rate": 1e-2,
        "ema_decay": 0.0,
        "validate_every": 60,
    }
    tiny_config["training"] |= {"checkpoint_every": 60, "picture_every": 100}
    _train(tiny_config, corpus, tmp_path)
    losses = [line["loss"] for line in _lines(tmp_path, "train")]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_accumulated_small_batches_take_as_many_steps_as_one_large(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    tiny_config["data"] = {"substitution_rate": 0.0, "bos_rate": 1.0, "tone_drop_rate": 0.0}
    tiny_config["training"] |= {"max_steps": 2, "batch_size": 4, "grad_accumulation_steps": 2}
    trainer = Trainer("fastspeech2_small", tiny_config)
    sizes: list[int] = []
    phases = trainer.task.phases

    def watch(modules: Any, batch: Any, step: int) -> Any:
        sizes.append(len(batch["phonemes"]))
        return phases(modules, batch, step)

    trainer.task.phases = watch  # type: ignore[method-assign]
    trainer.train(corpus, tmp_path, quiet=True)
    # Nine utterances in batches of 4, 4 and 1: groups of two and, at the epoch's end, of one.
    assert sum(sizes) == 9
    assert len(sizes) == 3


def test_mixed_precision_computes_in_bfloat16_on_the_cpu(
    tiny_config: Settings, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[torch.dtype] = set()
    losses = AcousticTask._losses

    def watch(self: AcousticTask, modules: Any, batch: Any) -> Any:
        prediction, values = losses(self, modules, batch)
        if torch.is_grad_enabled():
            seen.add(prediction.pitch.dtype)
        return prediction, values

    monkeypatch.setattr(AcousticTask, "_losses", watch)
    tiny_config["training"] |= {"mixed_precision": True, "max_steps": 1}
    _train(tiny_config, corpus, tmp_path)
    assert seen == {torch.bfloat16}


def test_loss_that_is_never_finite_stops_the_run(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_nonfinite": 3}
    trainer = Trainer("fastspeech2_small", tiny_config)
    phases = trainer.task.phases

    def spoil(modules: Any, batch: Any, step: int) -> Any:
        for phase in phases(modules, batch, step):
            phase.losses["mel"] = phase.losses["mel"] * float("nan")
            yield phase

    trainer.task.phases = spoil  # type: ignore[method-assign]
    with pytest.raises(
        TrainingError, match=r"gradient was not finite 3 steps in a row, last at step 2 with \w+"
    ):
        trainer.train(corpus, tmp_path, quiet=True)


@pytest.mark.parametrize("spoiled", [0, 2])
def test_gradient_that_is_not_finite_is_skipped_and_spoils_no_weight(
    tiny_config: Settings, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoiled: int
) -> None:
    """The loss is finite and its gradient is not, as where a root of zero is taken."""
    tiny_config["training"] |= {"max_steps": 4}
    trainer = Trainer("fastspeech2_small", tiny_config)
    phases = trainer.task.phases

    def spoil(modules: Any, batch: Any, step: int) -> Any:
        for phase in phases(modules, batch, step):
            if step == spoiled:
                weight = next(modules.parameters())
                phase.losses["mel"] = phase.losses["mel"] + (weight * 0.0).abs().sqrt().sum()
            yield phase

    trainer.task.phases = spoil  # type: ignore[method-assign]
    trainer.train(corpus, tmp_path)
    contents = load_checkpoint(tmp_path / "last.pt")
    assert contents["position"]["skipped"] == 1
    assert all(bool(torch.isfinite(value).all()) for value in contents["modules"].values())
    assert (
        f"step {spoiled}: the loss or a gradient is not finite; skipped the batch of "
        in capsys.readouterr().err
    )
    lines = _lines(tmp_path, "train")
    assert lines[spoiled]["gradient_norm"] is None
    assert [line["skipped"] for line in lines] == [int(step >= spoiled) for step in range(4)]


@pytest.mark.parametrize("batch", [5, 500])
def test_run_goes_on_with_fewer_data_than_it_left(
    tiny_config: Settings, corpus: Path, tmp_path: Path, batch: int
) -> None:
    tiny_config["training"] |= {"max_steps": 2}
    _train(tiny_config, corpus, tmp_path)
    contents = load_checkpoint(tmp_path / "last.pt")
    save_checkpoint(tmp_path / "last.pt", contents | {"position": contents["position"] | {"batch": batch}})
    tiny_config["training"] |= {"max_steps": 3}
    _train(tiny_config, corpus, tmp_path)
    position = load_checkpoint(tmp_path / "last.pt")["position"]
    assert (position["step"], position["epoch"], position["batch"]) == (3, 1, 1)


def test_time_limit_ends_a_run_with_a_checkpoint(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_steps": 100_000, "max_minutes": 1e-6}
    load_voice(_train(tiny_config, corpus, tmp_path))
    assert load_checkpoint(tmp_path / "last.pt")["position"]["step"] == 1


def test_patience_ends_a_run(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_steps": 500, "patience": 2, "validate_every": 1, "learning_rate": 1e-9}
    tiny_config["training"] |= {"ema_decay": 0.0}
    trainer = Trainer("fastspeech2_small", tiny_config)
    trainer.task.validate = lambda modules, batch: {"score": 1.0}  # type: ignore[method-assign]
    trainer.train(corpus, tmp_path, quiet=True)
    assert load_checkpoint(tmp_path / "last.pt")["position"]["step"] == 3


def test_new_run_starts_from_another_runs_weights(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    _train(tiny_config, corpus, tmp_path / "first")
    first = load_checkpoint(tmp_path / "first" / "last.pt")["average"]
    tiny_config["training"] |= {"max_steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    _train(tiny_config, corpus, tmp_path / "second", start_from=tmp_path / "first" / "last.pt")
    second = load_checkpoint(tmp_path / "second" / "last.pt")["modules"]
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=1e-6)


def test_checkpoint_of_another_phoneme_table_is_refused(
    tiny_config: Settings, corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1}
    _train(tiny_config, corpus, tmp_path / "run")
    last = tmp_path / "run" / "last.pt"
    contents = load_checkpoint(last)
    assert contents["phoneme_table"] == TABLE_HASH
    save_checkpoint(last, contents | {"phoneme_table": "0123456789abcdef"})
    before = last.read_bytes()
    message = (
        f"trained on another phoneme table \\(0123456789ab\\) than this Kalakan has \\({TABLE_HASH[:12]}"
    )
    with pytest.raises(TrainingError, match=message):
        _train(tiny_config, corpus, tmp_path / "run")
    with pytest.raises(TrainingError, match=message):
        _train(tiny_config, corpus, tmp_path / "other", start_from=last)
    assert last.read_bytes() == before
    assert not (tmp_path / "other" / "last.pt").exists()


def test_vocoder_checkpoint_needs_no_phoneme_table() -> None:
    check_table({"model_type": "hifigan", "phoneme_table": "0123456789abcdef"}, Path("last.pt"))


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: Trainer("tacotron9"), ConfigError, "fastspeech2_small"),
        (lambda: Trainer("griffin_lim"), TrainingError, "no weights to train"),
        (lambda: Trainer("fastspeech2", device="abacus"), ConfigError, "not a torch device"),
        (lambda: Trainer("fastspeech2", {"training": {"batch_size": 0}}), ConfigError, "at least 1"),
    ],
)
def test_bad_requests_are_named(act: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        act()


def test_missing_and_damaged_data_are_named(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no meta\.jsonl"):
        _train(tiny_config, tmp_path, tmp_path / "out")
    (tmp_path / "out" / "last.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match=r"last\.pt: is damaged"):
        _train(tiny_config, corpus, tmp_path / "out")


def test_workers_prepare_the_same_batches(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_steps": 7, "batch_size": 4}  # across the end of an epoch
    _train(tiny_config, corpus, tmp_path / "alone")
    tiny_config["training"] |= {"workers": 2}
    _train(tiny_config, corpus, tmp_path / "helped")
    alone, helped = (load_checkpoint(tmp_path / name / "last.pt") for name in ("alone", "helped"))
    for name, value in alone["modules"].items():
        torch.testing.assert_close(helped["modules"][name], value, rtol=0, atol=0, msg=name)


def test_profile_says_how_long_steps_waited(
    tiny_config: Settings, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer("fastspeech2_small", tiny_config)
    trainer.train(corpus, tmp_path, profile=True)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "profile: " in line]
    assert "profile: 6 steps" in line
    assert "waited for data" in line


@pytest.mark.parametrize(("product", "steps"), [("best", 1), ("last", 3)])
def test_product_is_of_the_best_or_the_last_weights(
    tiny_config: Settings, corpus: Path, tmp_path: Path, product: str, steps: int
) -> None:
    tiny_config["training"] |= {"max_steps": 3, "validate_every": 1, "product": product}
    trainer = Trainer("fastspeech2_small", tiny_config)
    scores = iter([1.0, 2.0, 3.0])
    rehearsal = trainer.task.validate
    run_begun = False

    def worse_and_worse(modules: Any, batch: Any) -> dict[str, float]:
        nonlocal run_begun
        if not run_begun:  # the rehearsal before the first step
            run_begun = True
            return rehearsal(modules, batch)
        return {"score": next(scores)}

    trainer.task.validate = worse_and_worse  # type: ignore[method-assign]
    voice = load_voice(trainer.train(corpus, tmp_path, quiet=True))
    assert voice.manifest.training["steps"] == steps


def test_a_voice_that_learned_predicted_tones_reads_with_them(tiny_config: Settings, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", clips=6)
    tiny_config["training"] |= {"max_steps": 1}
    for tones in ("written", "predicted"):
        tiny_config["data"] = {"tones": tones}
        product = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / tones, quiet=True)
        assert load_voice(product).manifest.tones == tones


def test_frames_of_weight_zero_teach_no_pitch(tiny_config: Settings, corpus: Path, tmp_path: Path) -> None:
    """The recordings' pitch counts where it does not contradict the tones, and only there."""
    tiny_config["data"] = {"tones": "predicted", "contradicted_weight": 0.0}
    task = AcousticTask("fastspeech2_small", Trainer("fastspeech2_small", tiny_config).settings)
    data, _ = task.datasets(corpus, tmp_path)
    modules = task.build(task.settings).eval()
    batch = task.collate([data[0], data[1]])
    assert set(batch["pitch_weight"].unique().tolist()) <= {0.0, 1.0}
    doubted = torch.zeros_like(batch["pitch"], dtype=torch.bool)
    doubted[:, ::3] = True
    weighed = batch | {"pitch_weight": (~doubted).float()}
    shifted = weighed | {"pitch": torch.where(doubted, 2 * batch["pitch"], batch["pitch"])}
    known = batch | {"pitch_weight": torch.ones_like(batch["pitch"]), "pitch": shifted["pitch"]}
    plain = {key: value for key, value in known.items() if key != "pitch_weight"}
    with torch.no_grad():
        first, second, third, without = (
            float(task._losses(modules, each)[1]["pitch"]) for each in (weighed, shifted, known, plain)
        )
    assert second == pytest.approx(first, rel=1e-5)
    assert third > first
    assert without == third


@pytest.mark.parametrize(("balance", "least", "most"), [(0.0, 1, 1), (1.0, 3, 6)])
def test_a_run_draws_its_speakers_as_asked(
    tiny_config: Settings,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    balance: float,
    least: int,
    most: int,
) -> None:
    tiny_config["training"] |= {"speaker_balance": balance}
    trainer = Trainer("fastspeech2_small", tiny_config)
    data, _ = trainer.task.datasets(corpus, tmp_path)
    speakers = ["kwame", *["akosua"] * (len(data) - 1)]
    monkeypatch.setattr(data, "speakers_of_items", lambda: speakers)
    position = Position()
    groups = batch_groups(
        data, trainer.task, trainer.settings.training, position, Group(Place(), torch.device("cpu"))
    )
    drawn = Counter[int]()
    while position.epoch == 0:
        drawn.update(index for batch in next(groups) for index in batch.indices)
    assert drawn.total() == len(data)
    assert least <= drawn[0] <= most
