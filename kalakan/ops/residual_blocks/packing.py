"""Residual blocks that work in parallel, their weights checked and ordered once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kalakan.errors import ConfigError


@dataclass(frozen=True)
class Convolution:
    """A convolution inside a residual block; its zero padding keeps the length."""

    weight: Tensor
    """[C, C, K] as in `torch.nn.Conv1d`, weight normalization folded in; K is odd."""
    bias: Tensor | None
    """[C]; None: zeros."""
    dilation: int = 1
    """Samples from one tap to the next."""


Layer = Sequence[Convolution]
"""Convolutions with one way around all of them: `x + conv(... conv(x))`, a leaky ReLU before each."""


@dataclass(frozen=True)
class Block:
    """One residual block."""

    layers: tuple[tuple[Convolution, ...], ...]
    """What x passes in turn; each layer has as many convolutions as the others."""
    kernel: int
    """K of every convolution."""


@dataclass(frozen=True)
class ResidualBlocks:
    """Parallel residual blocks, made by `pack_residual_blocks`."""

    blocks: tuple[Block, ...]
    """Those whose outputs are averaged."""
    channels: int
    """C of x."""
    slope: float
    """Of each leaky ReLU."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and of the x that they are for."""
        return self.blocks[0].layers[0][0].weight.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.blocks[0].layers[0][0].weight.device


def pack_residual_blocks(
    blocks: Sequence[Sequence[Layer]], dtype: torch.dtype | None = None, slope: float = 0.1
) -> ResidualBlocks:
    """Parallel residual blocks, ready for `residual_blocks`, on the device of their weights.

    Each of `blocks` is a sequence of layers: in HiFi-GAN's ResBlock1 pairs of convolutions, a dilated one and one of
    dilation 1; in ResBlock2 single dilated ones. The weights are copied as `dtype` (their own by default), without
    gradient: pack again after they change. Raises `ConfigError` for sizes that do not fit together.
    """
    first = _first(blocks)
    channels, target = first.weight.size(0), dtype or first.weight.dtype
    _check(blocks, channels)
    if not 0.0 <= slope <= 1.0:
        raise ConfigError(f"slope is {slope}; it must be from 0 to 1")
    packed = tuple(
        Block(
            tuple(tuple(_copy(convolution, target) for convolution in layer) for layer in block),
            block[0][0].weight.size(2),
        )
        for block in blocks
    )
    return ResidualBlocks(packed, channels, slope)


def _first(blocks: Sequence[Sequence[Layer]]) -> Convolution:
    if not blocks or not all(blocks) or not all(layer for block in blocks for layer in block):
        raise ConfigError(
            "blocks has no convolution somewhere; give each block one layer or more, each layer one or two convolutions"
        )
    return blocks[0][0][0]


def _check(blocks: Sequence[Sequence[Layer]], channels: int) -> None:
    lengths = sorted({len(layer) for block in blocks for layer in block})
    if lengths not in ([1], [2]):
        raise ConfigError(f"the layers have {lengths} convolutions; all must have one, or all two")
    for number, block in enumerate(blocks):
        kernel = block[0][0].weight.size(-1)
        for convolution in (each for layer in block for each in layer):
            shape, wanted = list(convolution.weight.shape), [channels, channels, kernel]
            if shape != wanted or kernel % 2 == 0 or channels == 0:
                raise ConfigError(
                    f"a weight of block {number} has shape {shape}; it must be {wanted}, with an odd kernel"
                )
            if convolution.bias is not None and list(convolution.bias.shape) != [channels]:
                raise ConfigError(
                    f"a bias of block {number} has shape {list(convolution.bias.shape)}; it must be {[channels]}"
                )
            if convolution.dilation < 1:
                raise ConfigError(
                    f"a dilation of block {number} is {convolution.dilation}; it must be at least 1"
                )


def _copy(convolution: Convolution, dtype: torch.dtype) -> Convolution:
    weight = convolution.weight.detach().to(dtype, copy=True)
    bias = weight.new_zeros(weight.size(0)) if convolution.bias is None else convolution.bias.detach()
    return Convolution(weight, bias.to(dtype, copy=True), convolution.dilation)
