"""One run of the Trainer: data, steps, validations, checkpoints."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kalakan.config.resolve import to_dict
from kalakan.data.collate import Batch
from kalakan.errors import TrainingError
from kalakan.storage import replacing
from kalakan.training.batches import NumberedBatch, batch_groups
from kalakan.training.distributed import Group
from kalakan.training.memory import checkpoint_blocks
from kalakan.training.metrics_log import MetricsLog
from kalakan.training.profile import Profile
from kalakan.training.progress import Progress
from kalakan.training.schedule import MovingAverage
from kalakan.training.state import (
    Position,
    check_table,
    first_weights,
    load_checkpoint,
    load_fitting,
    random_state,
    save_checkpoint,
    set_random_state,
)
from kalakan.training.stepper import Stepper

if TYPE_CHECKING:
    from kalakan.training.trainer import Trainer

SHOWN_LEFT_OUT = 12
"""Most tensors that a run names on the terminal when it begins with weights that do not all fit."""


class Run:
    """State of one `train` call."""

    def __init__(self, trainer: Trainer, output: Path, group: Group, quiet: bool) -> None:
        self.trainer, self.task, self.group = trainer, trainer.task, group
        self.settings, self.config = trainer.settings, trainer.settings.training
        self.output = output
        self.position = Position()
        self.progress = Progress(self.config.max_steps, quiet or not group.is_first)
        self.profile = Profile()
        self.bad_batches = 0

    def prepare(self, data: Path, features: Path, resume: bool, start_from: str | Path | None) -> None:
        """Data, modules, optimizers; then the checkpoint, if there is one."""
        _seed_everything(self.config.seed)
        with self.group.first_goes_ahead():
            self.train_data, self.validation_data = self.task.datasets(data, features)
            self.progress.prepare(self.train_data, self.validation_data)
        self.modules = self.task.build(self.settings).to(self.group.device)
        self.average = MovingAverage(self.modules, self.config.ema_decay)
        self.stepper = Stepper(self.task, self.modules, self.config, self.group)
        # Without it all processes would draw the same dropout and the same noise.
        torch.manual_seed(self.config.seed + self.group.rank)
        last = self.output / "last.pt"
        if resume and last.is_file():
            self._restore(load_checkpoint(last))
        elif start_from is not None:
            self._begin_with(Path(start_from))
            self.average = MovingAverage(self.modules, self.config.ema_decay)
        if self.group.is_first:
            _write_text(self.output / "config.json", json.dumps(to_dict(self.settings), indent=2) + "\n")
            self.log = MetricsLog(self.output)
        self.group.share(self.modules.state_dict().values())
        if self.config.gradient_checkpointing:
            checkpoint_blocks(self.modules)

    def loop(self, stop: Mapping[str, bool]) -> None:
        """Steps until a limit or a signal; always ends with a checkpoint."""
        if self.position.step == 0 and self.group.is_first:
            self._rehearse()
        deadline = time.monotonic() + 60 * self.config.max_minutes if self.config.max_minutes else math.inf
        self.progress.start(self.position.step)
        groups = self.profile.watch(
            batch_groups(self.train_data, self.task, self.config, self.position, self.group)
        )
        over = self.group.any(self._is_done())
        while not over:
            scores = self._step(next(groups))
            self.progress.advance(scores)
            self._record(scores)
            over = self.group.any(stop["now"] or time.monotonic() >= deadline or self._is_done())
        self._save_last()
        self.progress.close()
        groups.close()

    def finish(self) -> Path:
        """Writes the product from the weights of `training.product` (the last ones if none was validated)."""
        best, last = self.output / "best.pt", self.output / "last.pt"
        contents = load_checkpoint(best if self.config.product == "best" and best.is_file() else last)
        self.average.modules.load_state_dict(contents["average"])
        position = contents["position"]
        training = {"steps": position["step"], "scores": contents.get("scores", {})}
        return self.task.save_product(self.average.modules, self.output, training)

    def close(self) -> None:
        """Closes the logs."""
        if self.group.is_first:
            self.log.close()

    def _is_done(self) -> bool:
        tired = self.config.patience and self.position.stale >= self.config.patience
        return self.position.step >= self.config.max_steps or bool(tired)

    def _step(self, batches: Sequence[NumberedBatch]) -> dict[str, float]:
        scores, finite = self.stepper.step([part.batch for part in batches], self.position.step)
        self.bad_batches = 0 if finite else self.bad_batches + 1
        if not finite:
            self._skip({index for part in batches for index in part.indices})
        self.position.step += 1
        self.average.update(self.modules, self.position.step)
        return scores

    def _skip(self, indices: set[int]) -> None:
        names = ", ".join(sorted({self.train_data.name(index) for index in indices}))
        self.position.skipped += 1
        self.progress.say(f"step {self.position.step}: the loss is not finite; skipped the batch of {names}")
        if self.bad_batches >= self.config.max_nonfinite:
            raise TrainingError(
                f"the loss was not finite {self.bad_batches} steps in a row, last at step {self.position.step} with "
                f"{names}; lower training.learning_rate or turn training.mixed_precision off"
            )

    def _record(self, scores: dict[str, float]) -> None:
        step, config = self.position.step, self.config
        if self.group.is_first:
            if step % config.log_every == 0:
                self.log.scalars(step, "train", scores | {"skipped": self.position.skipped})
            if step % config.validate_every == 0:
                self._validate()
            if step % config.picture_every == 0:
                self._draw(step)
        if step % config.checkpoint_every == 0:
            self._save_last()

    def _draw(self, step: int) -> None:
        batch = self._batch(self._validation_batches()[0])
        for path in self.task.pictures(self.average.modules, batch, self.output / "pictures", step):
            self.log.picture(step, path.stem.rsplit("-", 1)[-1], path)
        for row, audio in enumerate(self.task.sounds(self.average.modules, batch)):
            self.log.sound(step, str(row), audio, self.settings.audio.sample_rate)

    def _validate(self) -> None:
        sums: dict[str, float] = {}
        count = 0
        for indices in self._validation_batches():
            batch = self._batch(indices)
            with torch.no_grad():
                scores = self.task.validate(self.average.modules, batch)
            for name, value in scores.items():
                sums[name] = sums.get(name, 0.0) + value * len(indices)
            count += len(indices)
        means = {name: value / count for name, value in sums.items()}
        self.log.scalars(self.position.step, "validation", means)
        self.progress.note(self.position.step, means)
        if means["score"] < self.position.best:
            self.position.best, self.position.stale = means["score"], 0
            self._save("best.pt", [], means)
        else:
            self.position.stale += 1

    def _rehearse(self) -> None:
        """Two validation batches and a picture before the first step: what would fail at hour two fails now."""
        for indices in self._validation_batches()[:2]:
            with torch.no_grad():
                self.task.validate(self.average.modules, self._batch(indices))

    def _validation_batches(self) -> list[list[int]]:
        size = min(self.config.validation_utterances, len(self.validation_data))
        chosen = [i * len(self.validation_data) // size for i in range(size)]
        step = self.config.batch_size
        return [chosen[i : i + step] for i in range(0, size, step)]

    def _batch(self, indices: list[int]) -> Batch:
        batch = self.task.collate([self.validation_data[i] for i in indices])
        return {key: value.to(self.group.device) for key, value in batch.items()}

    def _save_last(self) -> None:
        states = self.group.collect(random_state())
        if self.group.is_first:
            self._save("last.pt", states, {})

    def _save(self, name: str, random_states: list[dict[str, Any]], scores: dict[str, float]) -> None:
        contents = {
            "model_type": self.trainer.model_type,
            "settings": to_dict(self.settings),
            "modules": self.modules.state_dict(),
            "average": self.average.modules.state_dict(),
            **self.stepper.state(),
            "position": asdict(self.position),
            "random": random_states,
            "scores": scores,
        }
        save_checkpoint(self.output / name, contents)

    def _begin_with(self, source: Path) -> None:
        """Takes the weights of `source` that fit; `started_from.json` and the terminal say which did not."""
        left_out = load_fitting(self.modules, first_weights(source, list(self.modules)), source)
        report = {"source": str(source), "left_out": left_out}
        if self.group.is_first:
            _write_text(self.output / "started_from.json", json.dumps(report, indent=2) + "\n")
        for name, reason in list(left_out.items())[:SHOWN_LEFT_OUT]:
            self.progress.say(f"{source}: left out {name}: {reason}")
        if len(left_out) > SHOWN_LEFT_OUT:
            more = len(left_out) - SHOWN_LEFT_OUT
            self.progress.say(f"… and {more} more; {self.output / 'started_from.json'} names them all")

    def _restore(self, contents: dict[str, Any]) -> None:
        if contents["model_type"] != self.trainer.model_type:
            raise TrainingError(
                f"{self.output / 'last.pt'}: is a run of {contents['model_type']} and {self.trainer.model_type} "
                "was asked for; choose another output folder"
            )
        check_table(contents, self.output / "last.pt")
        self.modules.load_state_dict(contents["modules"])
        self.average.modules.load_state_dict(contents["average"])
        self.stepper.restore(contents)
        self.position = Position(**contents["position"])
        if self.group.rank < len(contents["random"]):  # a run may go on with more processes than it had
            set_random_state(contents["random"][self.group.rank])


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
