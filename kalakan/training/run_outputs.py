"""Files that a run writes to its folder: log, pictures, checkpoints, and finally its product."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kalakan.config.resolve import to_dict
from kalakan.storage import replacing
from kalakan.training.checkpoint import LAST
from kalakan.training.learner import Learner
from kalakan.training.metrics_log import MetricsLog
from kalakan.training.progress import Progress
from kalakan.training.validation import Validation

BEST = "best.pt"
"""The checkpoint with the best validation score."""


class Records:
    """The outputs of a run. Every process has an instance; only the first one writes."""

    def __init__(
        self,
        folder: Path,
        learner: Learner,
        validation: Validation,
        progress: Progress,
        times: Callable[[], dict[str, float]],
    ) -> None:
        """`times` returns where the time went since its last call, which is logged for `kalakan profile --run`."""
        self.folder, self.learner = folder, learner
        self.validation, self.progress, self._times = validation, progress, times
        self.config = learner.settings.training
        self.is_first = learner.group.is_first
        if self.is_first:
            write_json(folder / "config.json", to_dict(learner.settings))
            # Drops log lines that a killed run wrote after this checkpoint, and those of a run that this one replaces.
            self.log = MetricsLog(folder, learner.position.step)

    def note(self, scores: dict[str, float]) -> None:
        """Logs, validates and saves as due after the step with these scores."""
        position, config = self.learner.position, self.config
        step = position.step
        if self.is_first:
            if step % config.log_every == 0:
                self.log.scalars(step, "train", scores | {"skipped": position.skipped})
                if times := self._times():
                    self.log.scalars(step, "time", times)
            if step % config.validate_every == 0:
                self._validate()
            if step % config.picture_every == 0:
                modules, pictures = self.learner.average.modules, self.folder / "pictures"
                self.validation.show(modules, pictures, step, self.log)
        if step % config.checkpoint_every == 0:
            self.save()

    def save(self) -> None:
        """Writes the checkpoint that a run resumes from; every process calls it."""
        self.learner.save(self.folder / LAST, {}, is_last=True)

    def product(self) -> Path:
        """Writes the product from the weights of `training.product`, or from the last ones without a validation."""
        has_best = math.isfinite(self.learner.position.best)
        wanted = BEST if self.config.product == "best" and has_best else LAST
        return self.learner.product(self.folder / wanted, self.folder)

    def close(self) -> None:
        """Closes the log."""
        if self.is_first:
            self.log.close()

    def _validate(self) -> None:
        position = self.learner.position
        means = self.validation.scores(self.learner.average.modules)
        self.log.scalars(position.step, "validation", means)
        self.progress.note(position.step, means)
        if means["score"] < position.best:
            position.best, position.stale = means["score"], 0
            self.learner.save(self.folder / BEST, means, is_last=False)
        else:
            position.stale += 1


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes plain values atomically."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
