"""Weights that a new run begins with: another run's, or a voice's, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kalakan.errors import TrainingError
from kalakan.models.layers.weight_norm import unfolded
from kalakan.training.checkpoint import check_table, load_checkpoint
from kalakan.voices.package import load_voice, voice_folder
from kalakan.voices.weights import load_acoustic, load_vocoder

LEAST_SHARE = 0.5
"""Share of a module's numbers that must come from the weights that a run begins with."""
SPEAKER_ROWS = "speaker_embedding.weight"
"""How the name of a table with one row for each speaker ends."""
MEAN_PITCH = "acoustic.pitch_mean"
"""Mean ln F0 of each speaker."""
MOST_NAMED = 12
"""Most tensors that a run names on the terminal when it begins with weights that do not all fit."""


class Source(NamedTuple):
    """What a run begins with."""

    weights: dict[str, Tensor]
    """Tensors by module and name."""
    speakers: tuple[str, ...]
    """Whose rows the tables of speakers hold; empty for a model without speakers."""


def first_weights(source: Path, modules: Sequence[str]) -> Source:
    """The weights of a checkpoint, averaged where they are, or those of a voice folder, for "acoustic" or "vocoder".

    Raises `TrainingError` for a checkpoint without them or of another phoneme table, `VoiceError` for a broken voice.
    """
    source = voice_folder(source)
    if source.is_dir():
        voice = load_voice(source)
        loaders = {"acoustic": load_acoustic, "vocoder": load_vocoder}
        states = {name: loaders[name](voice).state_dict() for name in modules if name in loaders}
        found = {f"{name}.{key}": value for name, state in states.items() for key, value in state.items()}
        return Source(_unsteered(found), voice.manifest.speakers)
    contents = load_checkpoint(source)
    check_table(contents, source)
    # Only the modules of the product are averaged.
    weights: dict[str, Tensor] = {**contents["modules"], **contents["average"]}
    kinds = {key.split(".")[0] for key in weights}
    if kinds.isdisjoint(modules):
        raise TrainingError(
            f"{source}: holds weights of {', '.join(sorted(kinds))}, not of {', '.join(modules)}"
        )
    return Source(_unsteered(weights), tuple(contents["settings"]["model"].get("speakers", ())))


def _unsteered(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the rows that steering added: training finds its own."""
    rows = weights.pop("acoustic.phoneme_rows", None)
    if rows is not None:
        weights["acoustic.embedding.weight"] = weights["acoustic.embedding.weight"][: rows.shape[1]]
    return weights


def sources_of_speakers(
    ours: Sequence[str], theirs: Sequence[str], our_pitch: Tensor | None, their_pitch: Tensor | None
) -> dict[str, tuple[str, ...]]:
    """Whose rows each of our speakers begins with: its own by name; for a new one the row of the speaker whose mean
    ln F0 is nearest, or the mean of all rows where a model knows no F0 (`our_pitch`, `their_pitch`: [speakers])."""
    found: dict[str, tuple[str, ...]] = {}
    for row, name in enumerate(ours):
        if name in theirs:
            found[name] = (name,)
        elif our_pitch is None or their_pitch is None:
            found[name] = tuple(theirs)
        else:
            found[name] = (theirs[int((their_pitch - our_pitch[row]).abs().argmin())],)
    return found


def with_rows_by_name(
    own: Mapping[str, Tensor], source: Source, speakers: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, tuple[str, ...]]]:
    """The weights of a source whose speakers are not ours, their rows brought into the order of `speakers`.

    Also returns whose rows were taken. The mean F0 is left out: it is a statistic of the recordings, not learned.
    """
    weights, theirs = dict(source.weights), source.speakers
    if not theirs or not speakers or tuple(speakers) == theirs:
        return weights, {}
    origins = sources_of_speakers(speakers, theirs, own.get(MEAN_PITCH), weights.pop(MEAN_PITCH, None))
    for name, value in source.weights.items():
        if name.endswith(SPEAKER_ROWS) and len(value) == len(theirs):
            rows = [
                value[[theirs.index(origin) for origin in origins[ours]]].mean(dim=0) for ours in speakers
            ]
            weights[name] = torch.stack(rows)
    return weights, origins


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


def named_speakers(origins: Mapping[str, Sequence[str]], source: Path) -> list[str]:
    """Lines for the terminal that say whose rows of the source each speaker begins with."""
    return [f"{source}: speaker {name} begins as {' and '.join(rows)}" for name, rows in origins.items()]
