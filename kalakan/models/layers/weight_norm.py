"""Weight normalization (Salimans and Kingma 2016, https://arxiv.org/abs/1602.07868): on while training, folded after.

A module with it cannot be scripted or pruned, so no saved voice has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)
_MAGNITUDE, _DIRECTION = "parametrizations.weight.original0", "parametrizations.weight.original1"
Module = TypeVar("Module", bound=nn.Module)


def with_weight_norm(module: Module) -> Module:
    """Adds weight normalization to the module's convolutions in place and returns it."""
    for part in module.modules():
        if isinstance(part, CONVOLUTIONS):
            weight_norm(part)
    return module


def fold_into(plain: Module, normalized: nn.Module) -> Module:
    """`plain`, a model built like `normalized` but without weight norm, with its weights and in evaluation mode.

    Removing the parametrization from a copy instead would break the original: the two share a class.
    """
    state = normalized.state_dict()
    for name, part in normalized.named_modules():
        if parametrize.is_parametrized(part, "weight"):
            state[f"{name}.weight"] = part.weight
            del state[f"{name}.{_MAGNITUDE}"], state[f"{name}.{_DIRECTION}"]
    plain.load_state_dict(state)
    return plain.eval()


def unfolded(weights: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """Weights; those of a folded module as magnitude and direction if the state dict's `names` require it."""
    split = dict(weights)
    for name in names:
        place = name.removesuffix(_DIRECTION)
        if place != name and f"{place}weight" in split:
            weight = split.pop(f"{place}weight")
            magnitude = weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.dim() - 1))
            split[place + _MAGNITUDE], split[place + _DIRECTION] = magnitude, weight
    return split
