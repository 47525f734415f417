"""Warm start: initializes a new run from another run or a voice, as far as the weights match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kalakan.config.schema import Settings
from kalakan.errors import TrainingError
from kalakan.models import registry
from kalakan.models.layers.weight_norm import unfolded
from kalakan.training.checkpoint import check_table, load_checkpoint
from kalakan.voices.package import load_voice, voice_folder
from kalakan.voices.weights import load_acoustic, load_vocoder

LEAST_SHARE = 0.5
"""Minimum share of a module's parameters that must come from the source."""
SPEAKER_ROWS = "speaker_embedding.weight"
"""Name suffix of a table with one row per speaker."""
MEAN_PITCH = "acoustic.pitch_mean"
"""Mean ln F0 of each speaker."""
MOST_NAMED = 12
"""Maximum number of mismatched tensors that a warm start names on the terminal."""


INNER_SIZES = ("encoder_filter", "decoder_filter", "predictor_width", "inner")
"""Settings of section `model` that a pruned voice has smaller."""


class Source(NamedTuple):
    """Weights that initialize a run."""

    weights: dict[str, Tensor]
    """Tensors by module and name."""
    speakers: tuple[str, ...]
    """Speakers of the rows in speaker tables; empty for a model without speakers."""


def first_weights(source: Path, modules: Sequence[str]) -> Source:
    """The weights of a checkpoint (the EMA where there is one) or of a voice folder, for "acoustic" or "vocoder".

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


def with_sizes_of(settings: Settings, model_type: str, source: Path) -> Settings:
    """The settings with the source's numbers of inner channels where they are the model type's usual ones: the weights
    of a pruned voice fit no other numbers.

    `source` is as in `first_weights`; one of another model type changes nothing.
    """
    usual = registry.training_settings(model_type).model
    theirs = _sizes_of(voice_folder(source), model_type)
    adopted = {
        name: theirs[name]
        for name in INNER_SIZES
        if name in theirs and getattr(settings.model, name) == getattr(usual, name)
    }
    return replace(settings, model=replace(settings.model, **adopted))


def _sizes_of(source: Path, model_type: str) -> Mapping[str, Any]:
    """The model settings of a source; empty if it holds no model of this type."""
    if not source.is_dir():
        contents = load_checkpoint(source, only_look=True)
        sizes: Mapping[str, Any] = contents.get("settings", {}).get("model", {})
        # What is wrong with it, its reader says.
        return sizes if contents.get("model_type") == model_type else {}
    manifest = load_voice(source).manifest
    records = (manifest.acoustic, manifest.vocoder)
    return next((record.config for record in records if record.type == model_type), {})


def _unsteered(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the rows added by steering: training learns its own."""
    rows = weights.pop("acoustic.phoneme_rows", None)
    if rows is not None:
        weights["acoustic.embedding.weight"] = weights["acoustic.embedding.weight"][: rows.shape[1]]
    return weights


def sources_of_speakers(
    ours: Sequence[str], theirs: Sequence[str], our_pitch: Tensor | None, their_pitch: Tensor | None
) -> dict[str, tuple[str, ...]]:
    """Source rows that initialize each of our speakers: its own by name; for a new one the row of the speaker with the
    nearest mean ln F0, or the mean of all rows for a model without F0 (`our_pitch`, `their_pitch`: [speakers])."""
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
    """The weights of a source with other speakers, with rows reordered to match `speakers`.

    Also returns whose rows were used. The mean F0 is omitted: it is a statistic of the recordings, not learned.
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
    """Loads the tensors of `weights` that match `modules` in shape; returns the others by name, with the reason.

    Raises `TrainingError` if less than half of a module in the source would be loaded: that is a different model, and
    training would silently start from mostly random weights.
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
    """Tensors of `weights` that do not match a model's `own`, and own ones missing in `weights`, with the reason."""
    found = {name: "this model has no such tensor" for name in weights if name not in own}
    for name, value in own.items():
        if name not in weights:
            found[name] = "the source has no such tensor; it starts fresh"
        elif weights[name].shape != value.shape:
            found[name] = f"has shape {list(weights[name].shape)} there and {list(value.shape)} here"
    return found


def named(left_out: Mapping[str, str], source: Path, report: Path) -> list[str]:
    """Lines for the terminal that name the first tensors not loaded; the file `report` names them all."""
    lines = [f"{source}: left out {name}: {reason}" for name, reason in list(left_out.items())[:MOST_NAMED]]
    if len(left_out) > MOST_NAMED:
        lines.append(f"… and {len(left_out) - MOST_NAMED} more; {report} names them all")
    return lines


def named_speakers(origins: Mapping[str, Sequence[str]], source: Path) -> list[str]:
    """Lines for the terminal that name the source rows that initialize each speaker."""
    return [f"{source}: speaker {name} begins as {' and '.join(rows)}" for name, rows in origins.items()]
