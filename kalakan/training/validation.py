"""Validation of a run's weights: scores, pictures and audio of its validation data."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from kalakan.config.schema import Settings
from kalakan.data.collate import Batch
from kalakan.training.metrics_log import MetricsLog
from kalakan.training.tasks.contract import BatchSource, Task


class Validation:
    """The validation data of a run: always the same utterances, in the same batches."""

    def __init__(self, task: Task, data: BatchSource, settings: Settings, device: torch.device) -> None:
        self.task, self.data, self.device = task, data, device
        self.config, self.sample_rate = settings.training, settings.audio.sample_rate

    def scores(self, modules: nn.ModuleDict) -> dict[str, float]:
        """Means over the utterances; batches are weighted by size."""
        modules.eval()  # a step switches the modules it trains back
        sums: dict[str, float] = {}
        count = 0
        for indices in self._batches():
            with torch.no_grad():
                scores = self.task.validate(modules, self._batch(indices))
            for name, value in scores.items():
                sums[name] = sums.get(name, 0.0) + value * len(indices)
            count += len(indices)
        return {name: value / count for name, value in sums.items()}

    def rehearse(self, modules: nn.ModuleDict) -> None:
        """Validates two batches before the first step, so that errors show up now and not hours later."""
        modules.eval()
        for indices in self._batches()[:2]:
            with torch.no_grad():
                self.task.validate(modules, self._batch(indices))

    def show(self, modules: nn.ModuleDict, folder: Path, step: int, log: MetricsLog) -> None:
        """Writes pictures to `folder`, and logs these and audio."""
        indices = self._batches()[0]
        names = [self.data.name(index) for index in indices]
        batch = self._batch(indices)
        for row, path in enumerate(self.task.pictures(modules, batch, folder, step)):
            log.picture(step, f"picture/{names[row]}", path)
        for row, audio in enumerate(self.task.sounds(modules, batch)):
            log.sound(step, f"sound/{names[row]}", audio, self.sample_rate)

    def _batches(self) -> list[list[int]]:
        size = min(self.config.validation_utterances, len(self.data))
        chosen = [i * len(self.data) // size for i in range(size)]
        step = self.config.batch_size
        return [chosen[i : i + step] for i in range(0, size, step)]

    def _batch(self, indices: list[int]) -> Batch:
        batch = self.task.collate([self.data[i] for i in indices])
        return {key: value.to(self.device) for key, value in batch.items()}
