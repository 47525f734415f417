"""One run of the Trainer: data, steps, validations, checkpoints."""

from __future__ import annotations

import json
import math
import random
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    random_state,
    save_checkpoint,
    set_random_state,
)
from kalakan.training.tasks import BatchSource

if TYPE_CHECKING:
    from kalakan.training.trainer import Trainer


class Run:
    """State of one `train` call."""

    def __init__(self, trainer: Trainer, output: Path, quiet: bool) -> None:
        self.trainer, self.task, self.device = trainer, trainer.task, trainer.device
        self.settings, self.config = trainer.settings, trainer.settings.training
        self.output = output
        self.position = Position()
        self.progress = Progress(self.config.max_steps, quiet)
        self.bad_batches = 0

    def prepare(self, data: Path, features: Path, resume: bool, start_from: str | Path | None) -> None:
        """Data, modules, optimizers; then the checkpoint, if there is one."""
        _seed_everything(self.config.seed)
        self.train_data, self.validation_data = self.task.datasets(data, features)
        self.progress.prepare(self.train_data, self.validation_data)
        self.modules = self.task.build(self.settings).to(self.device)
        self.average = MovingAverage(self.modules, self.config.ema_decay)
        self.optimizers = {
            name: torch.optim.AdamW(
                module.parameters(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
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

    def _groups(self) -> Iterator[list[Batch]]:
        """Batches in accumulation groups, epoch after epoch, from the current position on."""
        sampler = LengthBatchSampler(self.train_data.frame_counts(), self.config.batch_size, self.config.seed)
        loader: DataLoader[Any] = DataLoader(
            _Indexed(self.train_data),
            batch_sampler=sampler,
            collate_fn=self.task.collate,
            # Its own generator: a loader draws a seed whenever it starts, and a resumed run starts it once more.
            generator=torch.Generator(),
            pin_memory=self.device.type == "cuda",
        )
        while self.position.step < self.config.max_steps:
            sampler.set_position(self.position.epoch, self.position.batch)
            self.train_data.set_epoch(self.position.epoch)
            group: list[Batch] = []
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

    def _step(self, batches: list[Batch]) -> dict[str, float]:
        """One optimizer step over a group of batches; the mean of their losses."""
        self.modules.train()
        rate = learning_rate(self.position.step, self.config)
        totals: dict[str, float] = {}
        finite = True
        for batch in batches:
            moved = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
            with self._autocast():
                for phase in self.task.phases(self.modules, moved):
                    loss = torch.stack(list(phase.losses.values())).sum() / len(batches)
                    finite = finite and bool(torch.isfinite(loss))
                    if finite:
                        torch.autograd.backward(self.scaler.scale(loss))
                    for name, value in phase.losses.items():
                        totals[name] = totals.get(name, 0.0) + float(value.detach()) / len(batches)
        totals["loss"] = sum(totals.values())
        totals["learning_rate"] = rate
        if finite:
            totals["gradient_norm"] = self._update(rate)
            self.bad_batches = 0
        else:
            self._skip()
        self.position.step += 1
        self.average.update(self.modules, self.position.step)
        return totals

    def _update(self, rate: float) -> float:
        norms = []
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rate
            self.scaler.unscale_(optimizer)
            norms.append(nn.utils.clip_grad_norm_(self.modules[name].parameters(), self.config.grad_clip))
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        return float(max(norms))

    def _skip(self) -> None:
        self.bad_batches += 1
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        if self.bad_batches >= self.config.max_nonfinite:
            raise TrainingError(
                f"the loss was not finite {self.bad_batches} steps in a row, last at step {self.position.step}; "
                "lower training.learning_rate or turn training.mixed_precision off"
            )

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
        try:
            self.modules.load_state_dict(first_weights(source, list(self.modules)))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise TrainingError(f"{source}: its weights do not fit this model ({reason})") from error

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


class _Indexed(torch.utils.data.Dataset[dict[str, Tensor]]):
    """A `BatchSource` as a map-style dataset without `__getitems__`: the task collates."""

    def __init__(self, source: BatchSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.source[index]


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
