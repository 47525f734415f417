"""Weights that a new run begins with: another run's, or a voice's, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from kalakan.errors import TrainingError
from kalakan.models.layers.weight_norm import unfolded
from kalakan.training.checkpoint import check_table, load_checkpoint
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic, load_vocoder

LEAST_SHARE = 0.5
"""Share of a module's numbers that must come from the weights that a run begins with."""
MOST_NAMED = 12
"""Most tensors that a run names on the terminal when it begins with weights that do not all fit."""


def first_weights(source: Path, modules: Sequence[str]) -> dict[str, Tensor]:
    """The weights of a checkpoint, averaged where they are, or those of a voice folder, for "acoustic" or "vocoder".

    Raises `TrainingError` for a checkpoint without them or of another phoneme table, `VoiceError` for a broken voice.
    """
    if source.is_dir():
        voice = load_voice(source)
        loaders = {"acoustic": load_acoustic, "vocoder": load_vocoder}
        states = {name: loaders[name](voice).state_dict() for name in modules if name in loaders}
        return {f"{name}.{key}": value for name, state in states.items() for key, value in state.items()}
    contents = load_checkpoint(source)
    check_table(contents, source)
    # Only the modules of the product are averaged.
    weights: dict[str, Tensor] = {**contents["modules"], **contents["average"]}
    found = {key.split(".")[0] for key in weights}
    if found.isdisjoint(modules):
        raise TrainingError(
            f"{source}: holds weights of {', '.join(sorted(found))}, not of {', '.join(modules)}"
        )
    return weights


def load_fitting(modules: nn.ModuleDict, weights: Mapping[str, Tensor], source: Path) -> dict[str, str]:
    """Loads the tensors of `weights` that `modules` have in the same shape; the others by name, with the reason.

    Raises `TrainingError` if less than half of a module that the source has would come from it: that is another
    model, and training it would begin near random weights unnoticed.
    """
    own = modules.state_dict()
    weights = unfolded(weights, own)
    left_out = misfits(own, weights)
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


def misfits(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, str]:
    """Tensors of `weights` that a model's `own` ones cannot take, and own ones that `weights` lack, with the reason."""
    found = {name: "this model has no such tensor" for name in weights if name not in own}
    for name, value in own.items():
        if name not in weights:
            found[name] = "the source has no such tensor; it starts fresh"
        elif weights[name].shape != value.shape:
            found[name] = f"has shape {list(weights[name].shape)} there and {list(value.shape)} here"
    return found


def named(left_out: Mapping[str, str], source: Path, report: Path) -> list[str]:
    """Lines for the terminal that name the first tensors left out; the file `report` names them all."""
    lines = [f"{source}: left out {name}: {reason}" for name, reason in list(left_out.items())[:MOST_NAMED]]
    if len(left_out) > MOST_NAMED:
        lines.append(f"… and {len(left_out) - MOST_NAMED} more; {report} names them all")
    return lines
