"""Checkpoints: everything a run needs to resume exactly where it stopped."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kalakan.config.schema import TrainingConfig
from kalakan.errors import TrainingError
from kalakan.models import registry
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.weights import save_tensors

FORMAT = "kalakan-checkpoint-1"
LAST = "last.pt"
"""The checkpoint that a run resumes from."""


@dataclass
class Position:
    """Progress of a run."""

    step: int = 0
    """Optimizer steps taken."""
    epoch: int = 0
    """Completed passes over the data."""
    batch: int = 0
    """Batches of the current pass already used."""
    best: float = float("inf")
    """Lowest validation score so far."""
    stale: int = 0
    """Validations since then."""
    skipped: int = 0
    """Steps skipped because a loss was not finite."""

    def is_done(self, config: TrainingConfig) -> bool:
        """Whether a run with these settings ends here, by `max_steps` or `patience`."""
        return self.step >= config.max_steps or bool(config.patience and self.stale >= config.patience)


def reached(folder: Path) -> Position:
    """Progress of the run in a folder; raises `TrainingError` if there is none."""
    return Position(**load_checkpoint(folder / LAST)["position"])


def random_state() -> dict[str, Any]:
    """State of every random generator that training uses."""
    state: dict[str, Any] = {"python": random.getstate(), "torch": torch.get_rng_state()}
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    state["numpy"] = {
        **numpy_state,
        "state": {
            key: value.tolist() if hasattr(value, "tolist") else value
            for key, value in numpy_state["state"].items()
        },
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Restores what `random_state` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    torch.set_rng_state(state["torch"])
    numpy_state = dict(state["numpy"])
    numpy_state["state"] = {
        key: np.asarray(value, dtype=np.uint32) if isinstance(value, list) else value
        for key, value in numpy_state["state"].items()
    }
    np.random.set_state(numpy_state)
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def save_checkpoint(path: Path, contents: dict[str, Any]) -> None:
    """Writes a checkpoint atomically."""
    try:
        save_tensors(path, {"format": FORMAT, "phoneme_table": TABLE_HASH, **contents})
    except OSError as error:
        raise TrainingError(f"{path}: the checkpoint cannot be written ({error.strerror})") from error


def load_checkpoint(path: Path, *, only_look: bool = False) -> dict[str, Any]:
    """Reads a checkpoint without executing code in it; raises `TrainingError` for any other file.

    With `only_look` tensors stay on disk until they are read (memory-mapped).
    """
    try:
        if not only_look:
            _check_sums(path)
        contents = torch.load(path, map_location="cpu", weights_only=True, mmap=only_look)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no such checkpoint") from error
    except Exception as error:  # torch raises many types for a damaged file
        raise TrainingError(f"{path}: is damaged or no checkpoint ({type(error).__name__})") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise TrainingError(f"{path}: is no {FORMAT} file")
    return contents


def _check_sums(path: Path) -> None:
    """Raises an error for a file with wrong checksums: torch would load flipped bytes as weights."""
    with zipfile.ZipFile(path) as parts:
        if parts.testzip() is not None:
            raise zipfile.BadZipFile


def check_table(contents: Mapping[str, Any], path: Path) -> None:
    """Raises `TrainingError` for the checkpoint of a model with a different phoneme table.

    A vocoder has no phoneme ids.
    """
    table = contents["phoneme_table"]
    if table != TABLE_HASH and registry.entry(contents["model_type"]).kind != "vocoder":
        raise TrainingError(
            f"{path}: was trained on another phoneme table ({table[:12]}) than this Kalakan has "
            f"({TABLE_HASH[:12]}); use the Kalakan version it was made with, or begin again in another folder"
        )
