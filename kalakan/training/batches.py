"""Batches in accumulation groups, epoch after epoch, resumable from any position."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from kalakan.config.schema import TrainingConfig
from kalakan.data.collate import Batch
from kalakan.data.sampler import LengthBatchSampler, balancing
from kalakan.training.checkpoint import Position
from kalakan.training.distributed import Group
from kalakan.training.tasks.contract import BatchSource, Task


class NumberedBatch(NamedTuple):
    """One batch, and the indices of its items."""

    indices: list[int]
    batch: Batch


def batch_groups(
    data: BatchSource, task: Task, config: TrainingConfig, position: Position, group: Group
) -> Iterator[list[NumberedBatch]]:
    """Yields the batches of each optimizer step, endlessly; advances `position`.

    The last group of an epoch, and its last batch, may be smaller.
    """
    sampler = LengthBatchSampler(
        data.frame_counts(),
        config.batch_size,
        config.seed,
        rank=group.rank,
        world_size=group.world_size,
        weights=balancing(data.speakers_of_items(), config.speaker_balance),
    )
    loader: DataLoader[Any] = DataLoader(
        _Numbered(data),
        batch_sampler=sampler,
        collate_fn=partial(_collate, task),
        # Its own generator: a loader draws a seed whenever it starts, and resuming starts it once more.
        generator=torch.Generator(),
        pin_memory=group.device.type == "cuda",
        # Workers live for one epoch: they hold copies of the dataset, which changes every epoch.
        num_workers=config.workers,
    )
    if position.batch >= len(sampler):  # a resumed run may have less data or larger batches than before
        position.epoch, position.batch = position.epoch + 1, 0
    while True:
        sampler.set_position(position.epoch, position.batch)
        data.set_epoch(position.epoch)
        gathered: list[NumberedBatch] = []
        for batch in loader:
            gathered.append(batch)
            position.batch += 1
            is_last = position.batch == len(sampler)
            if len(gathered) == config.grad_accumulation_steps or is_last:
                if is_last:
                    position.epoch, position.batch = position.epoch + 1, 0
                yield gathered
                gathered = []


def _collate(task: Task, items: list[tuple[int, dict[str, Tensor]]]) -> NumberedBatch:
    return NumberedBatch([index for index, _ in items], task.collate([item for _, item in items]))


class _Numbered(torch.utils.data.Dataset[tuple[int, dict[str, Tensor]]]):
    """A `BatchSource` as a map-style dataset of numbered items, without `__getitems__`: the task collates."""

    def __init__(self, source: BatchSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[int, dict[str, Tensor]]:
        return index, self.source[index]
