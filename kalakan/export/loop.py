"""The loop of trainings without recordings: AdamW with a warm-up and a half cosine, resumable from a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kalakan.errors import ExportError
from kalakan.voices.weights import save_tensors

PEAK_RATE = 4e-4
"""Default learning rate after the warm-up; it falls to zero along a half cosine."""
WARM_UP = 0.05
"""Fraction of the steps with a rising learning rate."""
CLIP = 1.0
"""Largest norm of a step's gradient."""
SAVED_EVERY = 100
"""Steps between two checkpoints."""
FORMAT = "kalakan-loop-1"


@dataclass(frozen=True)
class Checkpoint:
    """Where a training is kept, and what it is: it continues from the file only if all facts are the same."""

    path: Path
    facts: Mapping[str, Any]
    """Plain values."""

    def read(self) -> dict[str, Any] | None:
        """What was kept; None if there is no file. Raises `ExportError` for a file of another training."""
        if not self.path.exists():
            return None
        try:
            kept = torch.load(self.path, map_location="cpu", weights_only=True)
            if kept["format"] != FORMAT:
                raise KeyError("format")
            facts = kept["facts"]
        except Exception as error:  # torch raises many exception types for a damaged file
            raise ExportError(
                f"{self.path}: is damaged or no checkpoint of this command ({type(error).__name__}); move it away"
            ) from error
        for name, value in self.facts.items():
            if facts.get(name) != value:
                raise ExportError(
                    f"{self.path}: is a checkpoint of another training, with {name} {facts.get(name)} instead of "
                    f"{value}; name another folder, or move it away"
                )
        return dict(kept)

    def write(self, contents: Mapping[str, Any]) -> None:
        """Keeps a state of the training, whole or not at all."""
        save_tensors(self.path, {"format": FORMAT, "facts": dict(self.facts), **contents})


def optimize(
    trained: Sequence[nn.Parameter],
    loss: Callable[[int], Tensor],
    steps: int,
    random: torch.Generator,
    *,
    peak: float = PEAK_RATE,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Takes `steps` steps of AdamW that lower `loss`, a function of the step, in the values `trained`, in place.

    `random` is the generator that `loss` draws from: with a `checkpoint` its state is kept too, and an interrupted
    training goes on with the same steps. `on_step` gets the number of the step and its loss.
    """
    for value in trained:
        value.requires_grad_(True)
    optimizer = torch.optim.AdamW(trained, lr=peak, weight_decay=0.0)
    first = 0
    kept = None if checkpoint is None else checkpoint.read()
    if kept is not None:
        with torch.no_grad():
            for value, content in zip(trained, kept["values"], strict=True):
                value.copy_(content)
        optimizer.load_state_dict(kept["optimizer"])
        random.set_state(kept["random"])
        first = kept["step"]
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(step, steps)
        error = loss(step)
        optimizer.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimizer.step()
        if checkpoint is not None and ((step + 1) % SAVED_EVERY == 0 or step + 1 == steps):
            checkpoint.write(
                {
                    "step": step + 1,
                    "values": [value.detach() for value in trained],
                    "optimizer": optimizer.state_dict(),
                    "random": random.get_state(),
                }
            )
        on_step(step + 1, float(error.detach()))
    for value in trained:
        value.requires_grad_(False)


def rate(step: int, steps: int) -> float:
    """Fraction of the peak rate at a step."""
    rising = max(1.0, WARM_UP * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1.0, steps - rising)))
