"""Parallel residual blocks with weights validated and packed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from kalakan.errors import ConfigError
from kalakan.ops.choices import Shape


@dataclass(frozen=True)
class Convolution:
    """A convolution inside a residual block; its zero padding keeps the length."""

    weight: Tensor
    """[C, C, K] as in `torch.nn.Conv1d`, weight normalization folded in; K is odd."""
    bias: Tensor | None
    """[C]; None: zeros."""
    dilation: int = 1
    """Dilation in samples."""


WIDTHS = (16, 32, 64)
"""Channel counts that the kernels support."""
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
"""Types that the kernels support."""
Layer = Sequence[Convolution]
"""Convolutions with one residual connection around all of them: `x + conv(... conv(x))`, a leaky ReLU before each."""


@dataclass(frozen=True)
class Block:
    """One residual block."""

    layers: tuple[tuple[Convolution, ...], ...]
    """Layers in sequence; all have the same number of convolutions."""
    kernel: int
    """K of every convolution."""
    weight: Tensor | None
    """[convolutions, K, W * W], W the width: in the kernels' order. None where no kernel applies."""
    bias: Tensor | None
    """[convolutions, W] float32, or None."""


@dataclass(frozen=True)
class ResidualBlocks:
    """Parallel residual blocks, made by `pack_residual_blocks`."""

    blocks: tuple[Block, ...]
    """The blocks whose outputs are averaged."""
    channels: int
    """Channels C of x."""
    slope: float
    """Negative slope of each leaky ReLU."""

    @property
    def width(self) -> int | None:
        """Channels to which the kernels pad C; None where C is more than they support."""
        return _width(self.channels)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and required type of x."""
        return self.blocks[0].layers[0][0].weight.dtype

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.blocks[0].layers[0][0].weight.device


def shape(x: Tensor, blocks: ResidualBlocks) -> Shape:
    """Key of a call in `kalakan.ops.choices`."""
    dtype = str(blocks.dtype).removeprefix("torch.")
    kernels = ", ".join(str(block.kernel) for block in blocks.blocks)
    layers = [len(layer) for layer in blocks.blocks[0].layers]
    return Shape(f"{dtype} {blocks.channels} by {kernels} in {layers}", x.size(0) * x.size(1), x.device)


def pack_residual_blocks(
    blocks: Sequence[Sequence[Layer]], dtype: torch.dtype | None = None, slope: float = 0.1
) -> ResidualBlocks:
    """Parallel residual blocks, ready for `residual_blocks`, on the device of their weights.

    Each of `blocks` is a sequence of layers: in HiFi-GAN's ResBlock1 pairs of convolutions, a dilated one and one of
    dilation 1; in ResBlock2 single dilated ones. The weights are copied as `dtype` (their own by default), without
    gradient: pack again after they change. Raises `ConfigError` for incompatible sizes.
    """
    first = _first(blocks)
    channels, target = first.weight.size(0), dtype or first.weight.dtype
    _check(blocks, channels)
    if not 0.0 <= slope <= 1.0:
        raise ConfigError(f"slope is {slope}; it must be from 0 to 1")
    return ResidualBlocks(tuple(_block(block, target) for block in blocks), channels, slope)


def _block(block: Sequence[Layer], dtype: torch.dtype) -> Block:
    layers = tuple(tuple(_copy(each, dtype) for each in layer) for layer in block)
    convolutions = [each for layer in layers for each in layer]
    channels, _, kernel = convolutions[0].weight.shape
    width = _width(channels)
    if width is None or dtype not in DTYPES:
        return Block(layers, kernel, None, None)
    fill = width - channels
    weights = [pad(each.weight, [0, 0, 0, fill, 0, fill]) for each in convolutions]
    biases = [pad(each.bias.float(), [0, fill]) for each in convolutions if each.bias is not None]
    return Block(layers, kernel, pack(torch.stack(weights)), torch.stack(biases))


def _width(channels: int) -> int | None:
    return next((width for width in WIDTHS if channels <= width), None)


def pack(weight: Tensor) -> Tensor:
    """[convolutions, K, W * W] of [convolutions, W, W, K], in the order of csrc/convolution.cuh.

    Single precision: [C_in, C_out]. 16 bits: the B fragments of csrc/mma.cuh, so that a lane g * 4 + t reads its
    operands contiguously, with c_in = 16 a + 8 r + 2 t + e and c_out = 16 b + 8 i + g: [a, b, g, t, i, r, e].
    """
    count, width, _, kernel = weight.shape
    if weight.dtype == torch.float32:
        ordered = weight.permute(0, 3, 2, 1)
    else:
        parts = weight.reshape(count, width // 16, 2, 8, width // 16, 2, 4, 2, kernel)  # n b i g a r t e k
        ordered = parts.permute(0, 8, 4, 1, 3, 6, 2, 5, 7)
    return ordered.reshape(count, kernel, width * width).contiguous()


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
