"""What is trained: a task says what a step and its losses are; the Trainer owns how steps are taken."""

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
    """One optimizer's turn in a step."""

    name: str
    """Key of the module in the task's `nn.ModuleDict`, and of its optimizer."""
    losses: dict[str, Tensor]
    """Scalar losses by name, already weighted; their sum is minimized."""


class BatchSource(Protocol):
    """A dataset that the Trainer can batch: items by index, lengths, epochs."""

    folder: Path
    """The corpus."""
    utterances: list[Utterance]
    """What the items are made of."""
    left_out: dict[str, str]
    """Why an utterance was left out, by its id or by the place of its line in the manifest."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Tensor]: ...

    def frame_counts(self) -> list[int]:
        """Length of each item, for batches of similar length."""
        ...

    def speakers_of_items(self) -> list[str]:
        """Who speaks each item."""
        ...

    def set_epoch(self, epoch: int) -> None:
        """Chooses the augmentation of the next pass."""
        ...

    def name(self, index: int) -> str:
        """Id of the utterance that an item comes from."""
        ...

    def prepare(self, progress: Callable[[int, int], Any] | None = None, workers: int = 0) -> None:
        """Reads all that items are made of, in `workers` processes, and leaves out what is damaged."""
        ...

    def leave_out(self, damaged: Mapping[str, str]) -> None:
        """Leaves utterances out, by id, for a reason each."""
        ...


class Task(Protocol):
    """A model, its data and its losses."""

    product_modules: tuple[str, ...]
    """The modules that the product is made of: their weights are averaged. The others only train them."""

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Training and validation data."""
        ...

    def build(self, settings: Settings) -> nn.ModuleDict:
        """The modules to train, ready for step one."""
        ...

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Items to one padded batch."""
        ...

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """The phases of optimizer step `step`, each with its losses.

        An iterator is asked for its next phase only when the step of the one before is taken: a generator's
        losses see the discriminator that has just learned. Each phase comes once, in the same order for every batch.
        """
        ...

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Scores of one validation batch; "score" decides which checkpoint is the best (lower is better)."""
        ...

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """PNG files that show what the model does with the first utterances of a batch."""
        ...

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Audio [S] that the model makes of the first utterances of a batch; empty where it makes none."""
        ...

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes what a finished run leaves for use and returns it: a voice folder, or a vocoder's `.pt` file."""
        ...
