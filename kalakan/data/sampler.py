"""Batches of similar length in an order that a seed and an epoch fix, so that a run can be resumed anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

POOL_BATCHES = 16
"""Batches sorted by length among themselves: enough to save padding, few enough to keep the order random."""


class LengthBatchSampler(Sampler[list[int]]):
    """Index batches of one epoch; every index once, the last batch may be smaller."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.start = 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """The next iteration yields batch `start` and those after it of epoch `epoch`."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        return math.ceil(len(self.lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches(self.epoch)[self.start :])

    def batches(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch."""
        random = np.random.default_rng([self.seed, epoch])
        order = random.permutation(len(self.lengths))
        pool = self.batch_size * POOL_BATCHES
        batches: list[list[int]] = []
        for first in range(0, len(order), pool):
            chunk = order[first : first + pool]
            chunk = chunk[np.argsort(self.lengths[chunk], kind="stable")]
            batches += [
                chunk[i : i + self.batch_size].tolist() for i in range(0, len(chunk), self.batch_size)
            ]
        return [batches[i] for i in random.permutation(len(batches))]
