"""Checkpoints: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kalakan.errors import TrainingError
from kalakan.models import registry
from kalakan.models.layers.weight_norm import unfolded
from kalakan.storage import replacing
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic, load_vocoder

FORMAT = "kalakan-checkpoint-1"
LEAST_SHARE = 0.5
"""Share of a module's numbers that must come from the weights that a run begins with."""


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
    skipped: int = 0
    """Steps left out because a loss was not finite."""


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
            torch.save({"format": FORMAT, "phoneme_table": TABLE_HASH, **contents}, partial)
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


def check_table(contents: Mapping[str, Any], path: Path) -> None:
    """Raises `TrainingError` for the checkpoint of a model whose ids mean other symbols than this Kalakan's.

    A vocoder knows no ids. Checkpoints written before they named their table are taken to have this one.
    """
    table = contents.get("phoneme_table", TABLE_HASH)
    if table != TABLE_HASH and registry.entry(contents["model_type"]).kind != "vocoder":
        raise TrainingError(
            f"{path}: was trained on another phoneme table ({table[:12]}) than this Kalakan has "
            f"({TABLE_HASH[:12]}); use the Kalakan version it was made with, or begin anew in another folder"
        )


def first_weights(source: Path, modules: Sequence[str]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, or those of a voice folder, for the modules "acoustic" or "vocoder".

    Raises `TrainingError` for a checkpoint without them or of another phoneme table, `VoiceError` for a broken voice.
    """
    if source.is_dir():
        voice = load_voice(source)
        loaders = {"acoustic": load_acoustic, "vocoder": load_vocoder}
        weights = {name: loaders[name](voice).state_dict() for name in modules if name in loaders}
        return {f"{name}.{key}": value for name, state in weights.items() for key, value in state.items()}
    contents = load_checkpoint(source)
    check_table(contents, source)
    average: dict[str, Tensor] = contents["average"]
    found = {key.split(".")[0] for key in average}
    if found.isdisjoint(modules):
        raise TrainingError(
            f"{source}: holds weights of {', '.join(sorted(found))}, not of {', '.join(modules)}"
        )
    return average


def load_fitting(modules: nn.ModuleDict, weights: Mapping[str, Tensor], source: Path) -> dict[str, str]:
    """Loads the tensors of `weights` that `modules` have in the same shape; the others by name, with the reason.

    Raises `TrainingError` if less than half of a module that the source has would come from it: that is another
    model, and training it would begin near random weights unnoticed.
    """
    own = modules.state_dict()
    weights = unfolded(weights, own)
    left_out = {name: "this model has no such tensor" for name in weights if name not in own}
    for name, value in own.items():
        if name not in weights:
            left_out[name] = "the source has no such tensor; it starts fresh"
        elif weights[name].shape != value.shape:
            left_out[name] = f"has shape {list(weights[name].shape)} there and {list(value.shape)} here"
    fitting = {name: value for name, value in weights.items() if name not in left_out}
    for module in {name.split(".")[0] for name in weights} & set(modules):
        sizes = {name: value.numel() for name, value in own.items() if name.split(".")[0] == module}
        share = sum(size for name, size in sizes.items() if name in fitting) / sum(sizes.values())
        if share < LEAST_SHARE:
            name = next(name for name in left_out if name.split(".")[0] == module)
            raise TrainingError(
                f"{source}: its weights do not fit this model: {share:.0%} of {module} would come from it (first, "
                f"{name} {left_out[name]}); use the settings of section model that it was trained with"
            )
    modules.load_state_dict(fitting, strict=False)
    return left_out
