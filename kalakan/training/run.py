"""One run of the Trainer: data, steps, validations, checkpoints."""

from __future__ import annotations

import json
import math
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kalakan.config.resolve import to_dict
from kalakan.data.collate import Batch
from kalakan.data.sampler import LengthBatchSampler
from kalakan.errors import TrainingError
from kalakan.storage import replacing
from kalakan.training.metrics_log import MetricsLog
from kalakan.training.progress import Progress
from kalakan.training.schedule import MovingAverage, learning_rate
from kalakan.training.state import (
    Position,
    first_weights,
    load_checkpoint,
    load_fitting,
    random_state,
    save_checkpoint,
    set_random_state,
)
from kalakan.training.tasks import BatchSource, Phase, Task

if TYPE_CHECKING:
    from kalakan.training.trainer import Trainer

ADVERSARIAL_BETAS = (0.8, 0.99)
"""AdamW's averages where modules train against each other (J. Kong et al., "HiFi-GAN", 2020, section 3)."""
SHOWN_LEFT_OUT = 12
"""Most tensors that a run names on the terminal when it begins with weights that do not all fit."""


class Run:
    """State of one `train` call."""

    def __init__(self, trainer: Trainer, output: Path, quiet: bool) -> None:
        self.trainer, self.task, self.device = trainer, trainer.task, trainer.device
        self.settings, self.config = trainer.settings, trainer.settings.training
        self.output = output
        self.position = Position()
        self.progress = Progress(self.config.max_steps, quiet)
        self.bad_batches = 0
        self.skipped = 0

    def prepare(self, data: Path, features: Path, resume: bool, start_from: str | Path | None) -> None:
        """Data, modules, optimizers; then the checkpoint, if there is one."""
        _seed_everything(self.config.seed)
        self.train_data, self.validation_data = self.task.datasets(data, features)
        self.progress.prepare(self.train_data, self.validation_data)
        self.modules = self.task.build(self.settings).to(self.device)
        self.average = MovingAverage(self.modules, self.config.ema_decay)
        self.optimizers = {
            name: torch.optim.AdamW(
                module.parameters(),
                lr=self.config.learning_rate,
                weight_decay=self.config.weight_decay,
                betas=ADVERSARIAL_BETAS if len(self.modules) > 1 else (0.9, 0.999),
            )
            for name, module in self.modules.items()
        }
        fp16 = self.config.mixed_precision and self.device.type == "cuda"
        self.scaler = torch.amp.grad_scaler.GradScaler(self.device.type, enabled=fp16)
        _write_text(self.output / "config.json", json.dumps(to_dict(self.settings), indent=2) + "\n")
        last = self.output / "last.pt"
        if resume and last.is_file():
            self._restore(load_checkpoint(last))
        elif start_from is not None:
            self._begin_with(Path(start_from))
            self.average = MovingAverage(self.modules, self.config.ema_decay)
        self.log = MetricsLog(self.output)

    def loop(self, stop: Mapping[str, bool]) -> None:
        """Steps until a limit or a signal; always ends with a checkpoint."""
        if self.position.step == 0:
            self._rehearse()
        deadline = time.monotonic() + 60 * self.config.max_minutes if self.config.max_minutes else math.inf
        self.progress.start(self.position.step)
        for batches in self._groups():
            scores = self._step(batches)
            self.progress.advance(scores)
            self._record(scores)
            if stop["now"] or time.monotonic() >= deadline or self._is_done():
                break
        self._save("last.pt")
        self.progress.close()

    def finish(self) -> Path:
        """Writes the product from the best weights (the last ones if none was validated)."""
        best = self.output / "best.pt"
        contents = load_checkpoint(best if best.is_file() else self.output / "last.pt")
        self.average.modules.load_state_dict(contents["average"])
        position = contents["position"]
        training = {"steps": position["step"], "scores": contents.get("scores", {})}
        return self.task.save_product(self.average.modules, self.output, training)

    def _is_done(self) -> bool:
        tired = self.config.patience and self.position.stale >= self.config.patience
        return self.position.step >= self.config.max_steps or bool(tired)

    def _groups(self) -> Iterator[list[_Group]]:
        """Batches in accumulation groups, epoch after epoch, from the current position on."""
        sampler = LengthBatchSampler(self.train_data.frame_counts(), self.config.batch_size, self.config.seed)
        loader: DataLoader[Any] = DataLoader(
            _Indexed(self.train_data),
            batch_sampler=sampler,
            collate_fn=partial(_collate_indexed, self.task),
            # Its own generator: a loader draws a seed whenever it starts, and a resumed run starts it once more.
            generator=torch.Generator(),
            pin_memory=self.device.type == "cuda",
        )
        while self.position.step < self.config.max_steps:
            sampler.set_position(self.position.epoch, self.position.batch)
            self.train_data.set_epoch(self.position.epoch)
            group: list[_Group] = []
            for batch in loader:
                group.append(batch)
                self.position.batch += 1
                is_last = self.position.batch == len(sampler)
                if len(group) == self.config.grad_accumulation_steps or is_last:
                    if is_last:
                        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
                    yield group
                    group = []
                    if self.position.step >= self.config.max_steps:
                        return

    def _step(self, group: list[_Group]) -> dict[str, float]:
        """One optimizer step for each phase over a group of batches; the mean of their losses."""
        self.modules.train()
        totals: dict[str, float] = {}
        turns = [
            self.task.phases(self.modules, self._moved(part.batch), self.position.step) for part in group
        ]
        norms = {self._norm_name(name) for name in self.optimizers}
        finite = True
        while finite and (names := self._gather(turns, totals)):
            finite = all(math.isfinite(value) for name, value in totals.items() if name not in norms)
            if finite:
                for name in names:
                    self._update(name, totals)
        totals["loss"] = sum(value for name, value in totals.items() if name not in norms)
        totals["learning_rate"] = learning_rate(self.position.step, self.config)
        if finite:
            self.scaler.update()
            self.bad_batches = 0
        else:
            self._skip(group)
        self.position.step += 1
        self.average.update(self.modules, self.position.step)
        return totals

    def _gather(self, turns: Sequence[Iterator[Phase]], totals: dict[str, float]) -> set[str]:
        """Gradients of the next phase of every batch; the names of its modules, none when the phases are over."""
        names: set[str] = set()
        for turn in turns:
            with self._autocast():
                phase = next(turn, None)
                if phase is None:
                    continue
                loss = torch.stack(list(phase.losses.values())).sum() / len(turns)
            names.add(phase.name)
            for name, value in phase.losses.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / len(turns)
            if bool(torch.isfinite(loss)):
                torch.autograd.backward(self.scaler.scale(loss))
        return names

    def _update(self, name: str, totals: dict[str, float]) -> None:
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(self.position.step, self.config)
        self.scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(self.modules[name].parameters(), self.config.grad_clip)
        totals[self._norm_name(name)] = float(norm)
        self.scaler.step(optimizer)
        optimizer.zero_grad(set_to_none=True)

    def _norm_name(self, module: str) -> str:
        return "gradient_norm" if len(self.optimizers) == 1 else f"gradient_norm_{module}"

    def _skip(self, group: Sequence[_Group]) -> None:
        self.bad_batches += 1
        self.skipped += 1
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        names = ", ".join(sorted({self.train_data.name(index) for part in group for index in part.indices}))
        self.progress.say(f"step {self.position.step}: the loss is not finite; skipped the batch of {names}")
        if self.bad_batches >= self.config.max_nonfinite:
            raise TrainingError(
                f"the loss was not finite {self.bad_batches} steps in a row, last at step {self.position.step} with "
                f"{names}; lower training.learning_rate or turn training.mixed_precision off"
            )

    def _moved(self, batch: Batch) -> Batch:
        return {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}

    def _record(self, scores: dict[str, float]) -> None:
        step, config = self.position.step, self.config
        if step % config.log_every == 0:
            self.log.scalars(step, "train", scores)
        if step % config.validate_every == 0:
            self._validate()
        if step % config.picture_every == 0:
            batch = self._first_validation_batch()
            for path in self.task.pictures(self.average.modules, batch, self.output / "pictures", step):
                self.log.picture(step, path.stem.rsplit("-", 1)[-1], path)
        if step % config.checkpoint_every == 0:
            self._save("last.pt")

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
            self._save("best.pt", means)
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

    def _first_validation_batch(self) -> Batch:
        return self._batch(self._validation_batches()[0])

    def _batch(self, indices: list[int]) -> Batch:
        batch = self.task.collate([self.validation_data[i] for i in indices])
        return {key: value.to(self.device) for key, value in batch.items()}

    def _autocast(self) -> Any:
        if not self.config.mixed_precision:
            return nullcontext()
        dtype = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        return torch.autocast(self.device.type, dtype=dtype)

    def _save(self, name: str, scores: dict[str, float] | None = None) -> None:
        contents = {
            "model_type": self.trainer.model_type,
            "settings": to_dict(self.settings),
            "modules": self.modules.state_dict(),
            "average": self.average.modules.state_dict(),
            "optimizers": {key: value.state_dict() for key, value in self.optimizers.items()},
            "scaler": self.scaler.state_dict(),
            "position": asdict(self.position),
            "random": random_state(),
            "scores": scores or {},
        }
        save_checkpoint(self.output / name, contents)

    def _begin_with(self, source: Path) -> None:
        """Takes the weights of `source` that fit; `started_from.json` and the terminal say which did not."""
        left_out = load_fitting(self.modules, first_weights(source, list(self.modules)), source)
        report = {"source": str(source), "left_out": left_out}
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
        self.modules.load_state_dict(contents["modules"])
        self.average.modules.load_state_dict(contents["average"])
        for key, value in contents["optimizers"].items():
            self.optimizers[key].load_state_dict(value)
        self.scaler.load_state_dict(contents["scaler"])
        self.position = Position(**contents["position"])
        set_random_state(contents["random"])


class _Group(NamedTuple):
    """One batch, and which items it is made of."""

    indices: list[int]
    batch: Batch


def _collate_indexed(task: Task, items: list[tuple[int, dict[str, Tensor]]]) -> _Group:
    return _Group([index for index, _ in items], task.collate([item for _, item in items]))


class _Indexed(torch.utils.data.Dataset[tuple[int, dict[str, Tensor]]]):
    """A `BatchSource` as a map-style dataset of numbered items, without `__getitems__`: the task collates."""

    def __init__(self, source: BatchSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[int, dict[str, Tensor]]:
        return index, self.source[index]


@contextmanager
def stop_on_signal() -> Iterator[Mapping[str, bool]]:
    """A mapping whose "now" turns true at SIGINT or SIGTERM; a second signal acts as usual."""
    state = {"now": False}
    previous: dict[int, Any] = {}

    def handler(number: int, _frame: Any) -> None:
        state["now"] = True
        signal.signal(number, previous[number])

    try:
        for stop_signal in (signal.SIGINT, signal.SIGTERM):
            previous[stop_signal] = signal.signal(stop_signal, handler)
    except ValueError:
        pass  # not the main thread: signals are the caller's
    try:
        yield state
    finally:
        for number, action in previous.items():
            signal.signal(number, action)


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
