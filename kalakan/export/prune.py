"""Prunes trained models: removes the least important channels, or sets individual weights to zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from kalakan.config.resolve import to_dict
from kalakan.errors import ExportError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.models.layers.blocks import ConvNextBlock, TransformerBlock
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.voices.weights import LoadedModel

GRAIN = 8
"""Channel counts are multiples of this, for vector units."""


def zero_weights(loaded: LoadedModel, amount: float) -> LoadedModel:
    """Sets the smallest weights of each convolution and linear layer to zero, in place; returns the model.

    `amount` is their share. The same as `torch.nn.utils.prune.l1_unstructured`. Zeros are stored and multiplied like
    any other number, so the result is neither smaller nor faster; it shows how many weights are redundant.
    """
    _check_amount(amount)
    for module in loaded.module.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d, nn.Conv2d, nn.Linear)):
            module.weight.requires_grad_(True)  # torch prunes trainable parameters
            torch_prune.l1_unstructured(module, name="weight", amount=amount)  # type: ignore[no-untyped-call]
            torch_prune.remove(module, "weight")  # type: ignore[no-untyped-call]
            module.weight.requires_grad_(False)
    return loaded


def cut_channels(loaded: LoadedModel, amount: float) -> LoadedModel:
    """Removes the share `amount` of the channels inside the model's blocks: smaller and faster.

    In each block, removes the channels with the smallest product of the L2 norms of input and output weights (H. Li et
    al., "Pruning filters for efficient ConvNets", arXiv 1608.08710, section 3, for both sides of a block). All blocks
    of a kind keep the same number, a multiple of 8. Raises `ExportError` for a model without such blocks.
    """
    _check_amount(amount)
    smaller = _smaller(loaded, amount)
    smaller.load_state_dict(_cut_state(loaded.module, smaller))
    record = replace(loaded.record, config=to_dict(smaller.config))
    return replace(loaded, module=smaller.eval().requires_grad_(False), record=record)


def _smaller(loaded: LoadedModel, amount: float) -> FastSpeech2 | HarmonicNoise:
    """An untrained model of the same type with fewer channels in its blocks."""
    model, kind = loaded.module, loaded.record.type
    if isinstance(model, FastSpeech2):
        encoder, decoder = model.config.encoder_filter, model.config.decoder_filter
        return FastSpeech2(
            replace(
                model.config, encoder_filter=_kept(encoder, amount), decoder_filter=_kept(decoder, amount)
            )
        )
    if isinstance(model, HarmonicNoise):
        return HarmonicNoise(replace(model.config, inner=_kept(model.config.inner, amount)), loaded.audio)
    raise ExportError(
        f"model type {kind!r} has no blocks whose channels can be cut; FastSpeech2 and harmonic_noise have"
    )


def changed_settings(before: LoadedModel, after: LoadedModel) -> dict[str, Any]:
    """The settings of section `model` that differ: required to continue training the smaller model."""
    old, new = (to_dict(cast(Any, loaded.module).config) for loaded in (before, after))
    return {name: value for name, value in new.items() if old.get(name) != value}


def zero_share(model: nn.Module) -> float:
    """Share of a model's weights that are zero."""
    values = [value for value in model.parameters() if value.dim() > 1]
    return sum(int((value == 0).sum()) for value in values) / sum(value.numel() for value in values)


def _kept(channels: int, amount: float) -> int:
    return max(GRAIN, round(channels * (1.0 - amount) / GRAIN) * GRAIN) if channels > GRAIN else channels


def _cut_state(model: nn.Module, smaller: nn.Module) -> dict[str, Tensor]:
    """The state of `smaller`: that of `model` with only the most important channels of every block."""
    state = model.state_dict()
    blocks = dict(smaller.named_modules())
    for name, block in model.named_modules():
        if isinstance(block, (ConvNextBlock, TransformerBlock)):
            entrance, leave = _layers(block)
            kept = _layers(cast(ConvNextBlock | TransformerBlock, blocks[name]))[1].in_features
            norm = _norm(entrance.weight, 0) * _norm(leave.weight, 1)
            chosen = torch.sort(torch.topk(norm, kept).indices).values
            path = {layer: key for key, layer in block.named_modules()}
            for layer, axis in ((entrance, 0), (leave, 1)):
                key = f"{name}.{path[layer]}.weight"
                state[key] = state[key].index_select(axis, chosen)
            bias = f"{name}.{path[entrance]}.bias"
            state[bias] = state[bias][chosen]
    return state


def _layers(block: ConvNextBlock | TransformerBlock) -> tuple[nn.Linear | nn.Conv1d, nn.Linear]:
    """The input and output layers of a block's inner channels."""
    if isinstance(block, ConvNextBlock):
        return block.expand, block.project
    return block.filter_in.conv, block.filter_out


def _norm(weight: Tensor, axis: int) -> Tensor:
    return weight.detach().transpose(0, axis).flatten(1).square().sum(dim=1).sqrt()


def _check_amount(amount: float) -> None:
    if not 0 < amount < 1:
        raise ExportError(f"amount is {amount}; it must lie between 0 and 1, as in 0.3")
