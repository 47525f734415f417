"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kalakan.errors import TrainingError
from kalakan.storage import replacing
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic, load_vocoder

FORMAT = "kalakan-checkpoint-1"


@dataclass
class Position:
    """How far a run has come."""

    step: int = 0
    """Optimizer steps taken."""
    epoch: int = 0
    """Passes over the data, the current one not counted."""
    batch: int = 0
    """Batches of the current pass already used."""
    best: float = float("inf")
    """Lowest validation score so far."""
    stale: int = 0
    """Validations since then."""


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
    """Writes a checkpoint whole or not at all."""
    try:
        with replacing(path) as partial:
            torch.save({"format": FORMAT, **contents}, partial)
    except OSError as error:
        raise TrainingError(f"{path}: the checkpoint cannot be written ({error.strerror})") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it; raises `TrainingError` if it is none."""
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(f"{path}: there is no such checkpoint") from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise TrainingError(f"{path}: is damaged or no checkpoint ({type(error).__name__})") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise TrainingError(f"{path}: is no {FORMAT} file")
    return contents


def first_weights(source: Path, modules: Sequence[str]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, or those of a voice folder, for the modules "acoustic" or "vocoder".

    Raises `TrainingError` for a checkpoint without them, `VoiceError` for a broken voice.
    """
    if source.is_dir():
        voice = load_voice(source)
        loaders = {"acoustic": load_acoustic, "vocoder": load_vocoder}
        weights = {name: loaders[name](voice).state_dict() for name in modules if name in loaders}
        return {f"{name}.{key}": value for name, state in weights.items() for key, value in state.items()}
    average: dict[str, Tensor] = load_checkpoint(source)["average"]
    foreign = {key.split(".")[0] for key in average} - set(modules)
    if foreign:
        raise TrainingError(
            f"{source}: holds weights of {', '.join(sorted(foreign))}, not of {', '.join(modules)}"
        )
    return average
