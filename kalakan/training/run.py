"""One run of the Trainer: setup, training loop, product."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from kalakan.config.schema import Settings
from kalakan.errors import TrainingError
from kalakan.training.batches import NumberedBatch, batch_groups
from kalakan.training.checkpoint import LAST
from kalakan.training.damage import (
    check_damage,
    count_damage,
    heard_once,
    leave_out_together,
    write_report,
)
from kalakan.training.distributed import Group
from kalakan.training.learner import Learner
from kalakan.training.progress import Profile, Progress
from kalakan.training.resume_checks import check_source, facts_of
from kalakan.training.run_outputs import Records, write_json
from kalakan.training.stop_signals import Stop
from kalakan.training.tasks.contract import Task
from kalakan.training.validation import Validation
from kalakan.training.warm_start import named, named_speakers


class Run:
    """State of one `train` call."""

    def __init__(
        self, model_type: str, task: Task, settings: Settings, output: Path, group: Group, quiet: bool
    ) -> None:
        self.model_type, self.task, self.group = model_type, task, group
        self.settings, self.config = settings, settings.training
        self.output = output
        self.progress = Progress(self.config.max_steps, quiet, group.is_first)
        self.profile = Profile()
        self.bad_batches = 0

    def prepare(self, data: Path, features: Path, resume: bool, start_from: str | Path | None) -> None:
        """Sets up data, modules and optimizers; then loads the checkpoint, if there is one."""
        found = self.output / LAST
        resumes = resume and found.is_file()
        if begins_with := found if resumes else start_from:
            check_source(Path(begins_with), self.settings.audio)  # before features are computed for an hour
        _seed_everything(self.config.seed)
        self._read(data, features)
        self.learner = Learner(self.model_type, self.task, self.settings, self.group)
        # Otherwise all processes would draw the same dropout and the same noise.
        torch.manual_seed(self.config.seed + self.group.rank)
        self.replaces_another = found.is_file() and not resume
        self.learner.data = facts_of(self.train_data, self.validation.data)
        if resumes:
            for line in self.learner.restore(found):
                self.progress.warn(line)
        elif start_from is not None:
            self._begin_with(Path(start_from))
        self.records = Records(self.output, self.learner, self.validation, self.progress, self._times)
        if self.group.is_first:
            write_report(self.damaged, self.output)
        self.learner.ready()

    def _read(self, data: Path, features: Path) -> None:
        """Loads the datasets, with features computed and damaged items skipped: the same in every process."""
        with self.group.first_goes_ahead(), heard_once(self.group):
            self.train_data, validation_data = self.task.datasets(data, features)
            self.progress.prepare(self.train_data, validation_data, workers=self.config.workers)
        sources = (self.train_data, validation_data)
        leave_out_together(sources, self.group)
        self.damaged = check_damage(sources, self.config.max_damaged)
        self.validation = Validation(self.task, validation_data, self.settings, self.group.device)

    def loop(self, stop: Stop) -> None:
        """Trains until a limit or a signal; always ends with a checkpoint."""
        position = self.learner.position
        if position.step == 0 and self.group.is_first:
            self.validation.rehearse(self.learner.average.modules)
        if self.replaces_another:  # if killed after this point, this run must not resume from the old one
            self.records.save()
        deadline = time.monotonic() + 60 * self.config.max_minutes if self.config.max_minutes else math.inf
        self.progress.start(position.step)
        groups = self.profile.watch(
            batch_groups(self.train_data, self.task, self.config, position, self.group)
        )
        over = self.group.any(self._is_done())
        while not over:
            scores = self._step(next(groups))
            self.progress.advance(scores)
            self.records.note(scores)
            over = self.group.any(stop.by is not None or time.monotonic() >= deadline or self._is_done())
        self.records.save()
        self.progress.close()
        groups.close()

    def finish(self) -> Path:
        """Writes the product, and reports the skipped utterances."""
        product = self.records.product()
        count_damage(self.damaged, self.output)
        return product

    def close(self) -> None:
        """Closes the log."""
        self.records.close()

    def _times(self) -> dict[str, float]:
        """Where the time went since the last call, for the log; empty if no step has ended since then."""
        found = self.profile.lap()
        if found:
            found["items_of_epoch"] = len(self.train_data)
            if self.group.device.type == "cuda":
                found["gpu_peak_mb"] = torch.cuda.max_memory_allocated(self.group.device) / 1e6
        return found

    def _is_done(self) -> bool:
        return self.learner.position.is_done(self.config)

    def _step(self, batches: Sequence[NumberedBatch]) -> dict[str, float]:
        scores, finite = self.learner.step([part.batch for part in batches])
        self.bad_batches = 0 if finite else self.bad_batches + 1
        if not finite:
            self._skip({index for part in batches for index in part.indices})
        return scores

    def _skip(self, indices: set[int]) -> None:
        everyones = {index for part in self.group.collect(sorted(indices)) for index in part}
        names = ", ".join(sorted({self.train_data.name(index) for index in everyones}))
        step = self.learner.position.step - 1
        self.progress.warn(f"step {step}: the loss or a gradient is not finite; skipped the batch of {names}")
        if self.bad_batches >= self.config.max_nonfinite:
            raise TrainingError(
                f"the loss or a gradient was not finite {self.bad_batches} steps in a row, last at step {step} with "
                f"{names}; lower training.learning_rate or turn training.mixed_precision off"
            )

    def _begin_with(self, source: Path) -> None:
        """Loads the matching weights of `source`; `started_from.json` and the terminal name the others, and whose
        rows initialized new speakers."""
        left_out, origins = self.learner.begin_with(source)
        report = self.output / "started_from.json"
        if self.group.is_first:
            write_json(report, {"source": str(source), "left_out": left_out, "speakers": origins})
        for line in named(left_out, source, report):
            self.progress.warn(line)
        for line in named_speakers(origins, source):
            self.progress.say(line)


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
