"""What a run leaves in its folder while it goes: log, pictures, checkpoints, and at the end its product."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
    """Every process of a run has them; the first one writes."""

    def __init__(self, folder: Path, learner: Learner, validation: Validation, progress: Progress) -> None:
        self.folder, self.learner = folder, learner
        self.validation, self.progress = validation, progress
        self.config = learner.settings.training
        self.is_first = learner.group.is_first
        if self.is_first:
            write_json(folder / "config.json", to_dict(learner.settings))
            # Drops log lines that a killed run wrote past this checkpoint, or that the run replaced by this one left.
            self.log = MetricsLog(folder, learner.position.step)

    def note(self, scores: dict[str, float]) -> None:
        """What is due after the step that gave these scores."""
        position, config = self.learner.position, self.config
        step = position.step
        if self.is_first:
            if step % config.log_every == 0:
                self.log.scalars(step, "train", scores | {"skipped": position.skipped})
            if step % config.validate_every == 0:
                self._validate()
            if step % config.picture_every == 0:
                modules, pictures = self.learner.average.modules, self.folder / "pictures"
                self.validation.show(modules, pictures, step, self.log)
        if step % config.checkpoint_every == 0:
            self.save()

    def save(self) -> None:
        """The checkpoint that a run goes on from; every process calls it."""
        self.learner.save(self.folder / LAST, {}, is_last=True)

    def product(self) -> Path:
        """Made from the weights of `training.product`; from the last ones if this run has validated none."""
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
    """Writes plain values whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
