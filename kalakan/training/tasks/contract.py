"""Interfaces of training: a task defines a step and its losses; the Trainer owns the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.config.schema import Settings
from kalakan.data.collate import Batch
from kalakan.data.utterance import Utterance


@dataclass(frozen=True)
class Phase:
    """One optimizer update within a step."""

    name: str
    """Key of the module in the task's `nn.ModuleDict`, and of its optimizer."""
    losses: dict[str, Tensor]
    """Scalar losses by name, already weighted; their sum is minimized."""


class BatchSource(Protocol):
    """A dataset that the Trainer can batch: items by index, lengths, epochs."""

    folder: Path
    """The corpus."""
    utterances: list[Utterance]
    """The utterances behind the items."""
    left_out: dict[str, str]
    """Why an utterance was skipped, by its id or by its line in the manifest."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Tensor]: ...

    def frame_counts(self) -> list[int]:
        """Length of each item, for batches of similar length."""
        ...

    def speakers_of_items(self) -> list[str]:
        """Speaker of each item."""
        ...

    def set_epoch(self, epoch: int) -> None:
        """Chooses the augmentation of the next pass."""
        ...

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        ...

    def prepare(self, progress: Callable[[int, int], Any] | None = None, workers: int = 0) -> None:
        """Loads or computes all features, in `workers` processes, and skips damaged utterances."""
        ...

    def leave_out(self, damaged: Mapping[str, str]) -> None:
        """Skips utterances, given by id with a reason each."""
        ...


class Task(Protocol):
    """A model, its data and its losses."""

    product_modules: tuple[str, ...]
    """Modules that are part of the product: their weights are averaged (EMA). The others are used in training only."""

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Training and validation data."""
        ...

    def build(self, settings: Settings) -> nn.ModuleDict:
        """The modules to train, initialized."""
        ...

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Collates items into one padded batch."""
        ...

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """The phases of optimizer step `step`, each with its losses.

        The iterator is advanced only after the previous phase's optimizer step: a generator's losses use the updated
        discriminator. Each phase occurs once, in the same order for every batch.
        """
        ...

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """How many values of a batch each loss of `phases` is a mean over, by its name.

        Several batches of one step are weighted by these, so that they step like one large batch. A loss that is not
        named is a mean over the items of a batch.
        """
        ...

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Scores of one validation batch; "score" decides which checkpoint is the best (lower is better)."""
        ...

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """PNG files that show the model's output for the first utterances of a batch."""
        ...

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Audio [S] generated for the first utterances of a batch; empty for a model without audio."""
        ...

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes and returns the product of a finished run: a voice folder, or a vocoder's `.pt` file."""
        ...
