"""Prunes trained models: removes the least important channels, or sets individual weights to zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from kalakan.config.resolve import to_dict
from kalakan.errors import ExportError
from kalakan.export.channels import correlations, cut_inputs
from kalakan.models.acoustic.fastspeech2 import FastSpeech2, VariancePredictor
from kalakan.models.layers.blocks import ConvNextBlock, TransformerBlock
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.voices.weights import LoadedModel

GRAIN = 16
"""Channel counts are multiples of this, for vector units."""
ACOUSTIC_GROUPS = {"encoder": "encoder_filter", "decoder": "decoder_filter", "predictors": "predictor_width"}
"""Groups of layers in a FastSpeech2 that have a number of inner channels in common, and the setting that holds it."""
VOCODER_GROUPS = {"vocoder": "inner"}
"""The same of a harmonic_noise vocoder."""


def zero_weights(loaded: LoadedModel, amount: float) -> LoadedModel:
    """Sets the smallest weights of each convolution and linear layer to zero, in place; returns the model.

    `amount` is their share. The same as `torch.nn.utils.prune.l1_unstructured`. Zeros are stored and multiplied like
    any other number, so the result is neither smaller nor faster; it shows how many weights are redundant.
    """
    check_amount(amount)
    for module in loaded.module.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d, nn.Conv2d, nn.Linear)):
            module.weight.requires_grad_(True)  # torch prunes trainable parameters
            torch_prune.l1_unstructured(module, name="weight", amount=amount)  # type: ignore[no-untyped-call]
            torch_prune.remove(module, "weight")  # type: ignore[no-untyped-call]
            module.weight.requires_grad_(False)
    return loaded


def cut_channels(
    loaded: LoadedModel, amount: float, groups: Sequence[str], run: Callable[[], None] | None = None
) -> LoadedModel:
    """A model without the share `amount` of the inner channels of some groups of layers: smaller and faster.

    All layers of a group keep the same number, a multiple of `GRAIN`. `run` runs `loaded` on examples: the channels
    that go are those without which the blocks' outputs change least on them, and the weights of the others make up for
    it (`cut_inputs`). Without `run` they are those with the smallest product of the L2 norms of input and output
    weights (H. Li et al., "Pruning filters for efficient ConvNets", arXiv 1608.08710, section 3, for both sides). So
    are the predictors' always, whose channels meet in a layer norm. Raises `ExportError` for a model without such
    groups.
    """
    check_amount(amount)
    smaller = _smaller(loaded, amount, groups)
    smaller.load_state_dict(_cut_state(loaded.module, smaller, run))
    record = replace(loaded.record, config=to_dict(smaller.config))
    return replace(loaded, module=smaller.eval().requires_grad_(False), record=record)


def groups_of(loaded: LoadedModel) -> dict[str, str]:
    """The groups of a model; raises `ExportError` for one without."""
    if isinstance(loaded.module, FastSpeech2):
        return ACOUSTIC_GROUPS
    if isinstance(loaded.module, HarmonicNoise):
        return VOCODER_GROUPS
    raise ExportError(
        f"model type {loaded.record.type!r} has no blocks whose channels can be cut; FastSpeech2 and harmonic_noise "
        "have"
    )


def _smaller(loaded: LoadedModel, amount: float, groups: Sequence[str]) -> FastSpeech2 | HarmonicNoise:
    """An untrained model of the same type with fewer channels in some groups."""
    settings = groups_of(loaded)
    model: Any = loaded.module
    kept = {
        settings[group]: _kept(getattr(model.config, settings[group]), amount)
        for group in groups
        if group in settings
    }
    config = replace(model.config, **kept)
    return FastSpeech2(config) if isinstance(model, FastSpeech2) else HarmonicNoise(config, loaded.audio)


def changed_settings(before: LoadedModel, after: LoadedModel) -> dict[str, Any]:
    """The settings of section `model` that differ: required to continue training the smaller model."""
    old, new = (to_dict(cast(Any, loaded.module).config) for loaded in (before, after))
    return {name: value for name, value in new.items() if old.get(name) != value}


def zero_share(model: nn.Module) -> float:
    """Share of a model's weights that are zero."""
    values = [value for value in model.parameters() if value.dim() > 1]
    return sum(int((value == 0).sum()) for value in values) / sum(value.numel() for value in values)


def check_amount(amount: float) -> None:
    """Raises `ExportError` for a share that is not between 0 and 1."""
    if not 0 < amount < 1:
        raise ExportError(f"amount is {amount}; it must lie between 0 and 1, as in 0.3")


def _kept(channels: int, amount: float) -> int:
    return max(GRAIN, round(channels * (1.0 - amount) / GRAIN) * GRAIN) if channels > GRAIN else channels


def _cut_state(model: nn.Module, smaller: nn.Module, run: Callable[[], None] | None) -> dict[str, Tensor]:
    """The state of `smaller`: that of `model` with only the most important channels of every block."""
    state = model.state_dict()
    sizes = dict(smaller.named_modules())
    cut: dict[str, tuple[nn.Linear | nn.Conv1d, nn.Linear, int]] = {}
    for name, block in model.named_modules():
        if isinstance(block, (ConvNextBlock, TransformerBlock)):
            entrance, leave = _layers(block)
            kept = _layers(cast(ConvNextBlock | TransformerBlock, sizes[name]))[1].in_features
            if kept < leave.in_features:
                cut[name] = (entrance, leave, kept)
        elif isinstance(block, VariancePredictor):
            _cut_chain(name, block, cast(VariancePredictor, sizes[name]), state)
    paths = {module: name for name, module in model.named_modules()}
    seen = [None] * len(cut) if run is None else correlations([leave for _, leave, _ in cut.values()], run)
    for (entrance, leave, kept), matrix in zip(cut.values(), seen, strict=True):
        first, second = paths[entrance], paths[leave]
        if matrix is None:
            chosen = _largest(_norm(entrance.weight, 0) * _norm(leave.weight, 1), kept)
            state[f"{second}.weight"] = leave.weight[:, chosen]
        else:
            result = cut_inputs(leave, matrix, kept)
            chosen = result.kept
            state[f"{second}.weight"], state[f"{second}.bias"] = result.weight, result.bias
        for value in ("weight", "bias"):
            state[f"{first}.{value}"] = state[f"{first}.{value}"][chosen]
    return state


def _cut_chain(name: str, old: VariancePredictor, new: VariancePredictor, state: dict[str, Tensor]) -> None:
    """Cuts the channels after each convolution of a predictor; the layer norm's scale counts as its weight."""
    convs = [cast(Any, layer).conv for layer in old.convs]
    after = [*convs[1:], old.out]
    for place, (conv, following) in enumerate(zip(convs, after, strict=True)):
        kept = int(cast(Any, new.norms[place]).normalized_shape[0])
        if kept == conv.out_channels:
            continue
        scale = cast(Tensor, old.norms[place].weight).abs()
        chosen = _largest(_norm(following.weight, 1) * scale, kept)
        for key in (f"convs.{place}.conv.weight", f"convs.{place}.conv.bias"):
            state[f"{name}.{key}"] = state[f"{name}.{key}"][chosen]
        for key in (f"norms.{place}.weight", f"norms.{place}.bias"):
            state[f"{name}.{key}"] = state[f"{name}.{key}"][chosen]
        next_key = (
            f"{name}.convs.{place + 1}.conv.weight" if following is not old.out else f"{name}.out.weight"
        )
        state[next_key] = state[next_key].index_select(1, chosen)


def _layers(block: ConvNextBlock | TransformerBlock) -> tuple[nn.Linear | nn.Conv1d, nn.Linear]:
    """The input and output layers of a block's inner channels."""
    if isinstance(block, ConvNextBlock):
        return block.expand, block.project
    return block.filter_in.conv, block.filter_out


def _largest(values: Tensor, kept: int) -> Tensor:
    return torch.sort(torch.topk(values, kept).indices).values


def _norm(weight: Tensor, axis: int) -> Tensor:
    return weight.detach().transpose(0, axis).flatten(1).square().sum(dim=1).sqrt()
