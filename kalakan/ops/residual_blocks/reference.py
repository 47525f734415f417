"""Residual blocks in plain torch: the reference implementation."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import conv1d, leaky_relu

from kalakan.ops.dispatch import Implementation
from kalakan.ops.residual_blocks.packing import Block, ResidualBlocks


def residual_blocks(x: Tensor, blocks: ResidualBlocks) -> Tensor:
    """Mean of the blocks' outputs, [B, T, C]; any device and floating dtype, differentiable in x."""
    rows = x.transpose(1, 2)  # [B, C, T]
    total = _block(rows, blocks.blocks[0], blocks.slope)
    for block in blocks.blocks[1:]:
        total = total + _block(rows, block, blocks.slope)
    return (total / len(blocks.blocks)).transpose(1, 2).contiguous()


def _block(x: Tensor, block: Block, slope: float) -> Tensor:
    for layer in block.layers:
        y = x
        for each in layer:
            padding = block.kernel // 2 * each.dilation
            y = conv1d(leaky_relu(y, slope), each.weight, each.bias, padding=padding, dilation=each.dilation)
        x = x + y
    return x


def _serves() -> str | None:
    return None


def _accepts(*_: object) -> str | None:
    return None


IMPLEMENTATION = Implementation("torch", residual_blocks, _serves, _accepts)
