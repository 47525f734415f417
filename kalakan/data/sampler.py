"""Batches of similar length in an order determined by seed and epoch, so that a run can be resumed anywhere."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

POOL_BATCHES = 16
"""Batches per length-sorted pool: enough to reduce padding, few enough to keep the order random."""


def balancing(speakers: Sequence[str], balance: float) -> list[float] | None:
    """Sampling weight of each item: none for `balance` 0; for 1, all speakers are drawn equally often."""
    if not balance:
        return None
    counts = Counter(speakers)
    return [counts[speaker] ** -balance for speaker in speakers]


class LengthBatchSampler(Sampler[list[int]]):
    """Batches of indices for one epoch; every index occurs once, the last batch may be smaller.

    With `weights`, one per index, an epoch has the same length, and an index occurs in proportion to its weight,
    rounded up or down.

    Each of `world_size` processes with the same seed gets its share of a batch of `batch_size * world_size`; if such a
    batch cannot be split evenly, some of its indices are repeated.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.weights = None if weights is None else np.asarray(weights, np.float64)
        self.batch_size = batch_size * world_size
        self.rank, self.world_size = rank, world_size
        self.seed = seed
        self.epoch = 0
        self.start = 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """The next iteration yields batch `start` and those after it of epoch `epoch`."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        return math.ceil(len(self.lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        return (self._share(batch) for batch in self.batches(self.epoch)[self.start :])

    def batches(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch, over all processes."""
        random = np.random.default_rng([self.seed, epoch])
        order = self._order(random)
        pool = self.batch_size * POOL_BATCHES
        batches: list[list[int]] = []
        for first in range(0, len(order), pool):
            chunk = order[first : first + pool]
            chunk = chunk[np.argsort(self.lengths[chunk], kind="stable")]
            batches += [
                chunk[i : i + self.batch_size].tolist() for i in range(0, len(chunk), self.batch_size)
            ]
        return [batches[i] for i in random.permutation(len(batches))]

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        """The indices of an epoch, shuffled."""
        order = random.permutation(len(self.lengths))
        if self.weights is None:
            return order
        # Systematic sampling: each index's count differs by less than one from its expectation.
        edges = np.cumsum(self.weights[order]) * (len(order) / self.weights.sum())
        places = np.searchsorted(edges, np.arange(len(order)) + random.random(), side="right")
        return random.permutation(order[np.minimum(places, len(order) - 1)])

    def _share(self, batch: list[int]) -> list[int]:
        missing = -len(batch) % self.world_size
        filled = batch + [batch[i % len(batch)] for i in range(missing)]
        return filled[self.rank :: self.world_size]
