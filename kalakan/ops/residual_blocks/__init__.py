"""Residual blocks of a vocoder's narrow stages: dilated convolutions with residual connections, averaged."""

from __future__ import annotations

from torch import Tensor

from kalakan.errors import ConfigError
from kalakan.ops.dispatch import Op
from kalakan.ops.residual_blocks import cuda, reference
from kalakan.ops.residual_blocks.packing import Convolution, ResidualBlocks, pack_residual_blocks, shape

__all__ = ["RESIDUAL_BLOCKS", "Convolution", "ResidualBlocks", "pack_residual_blocks", "residual_blocks"]

RESIDUAL_BLOCKS = Op("residual_blocks", (cuda.IMPLEMENTATION, reference.IMPLEMENTATION), shape)


def residual_blocks(x: Tensor, blocks: ResidualBlocks) -> Tensor:
    """Mean [B, T, C] of the outputs of parallel residual blocks for activations x [B, T, C], channels last.

    J. Kong, J. Kim, J. Bae, "HiFi-GAN", NeurIPS 2020, section 2.2 and appendix A.1: the multi-receptive field fusion
    after each upsampling. Each layer of a block is `x + conv(leaky_relu(x))`, or with pairs `x +
    conv(leaky_relu(conv(leaky_relu(x))))`; every convolution pads its own input with zeros to keep the length T, any
    T from 1. `blocks` comes from `pack_residual_blocks`, called once per model; x has its dtype and is on its device.
    The result is contiguous and does not share x's memory. Gradients reach x, not the packed weights. Not for
    TorchScript. Raises `ImplementationUnavailable` when a requested implementation does not support the call,
    `ConfigError` for an x that does not match the blocks.
    """
    if x.dim() != 3 or x.size(2) != blocks.channels or x.numel() == 0:
        raise ConfigError(
            f"x has shape {list(x.shape)}; it must be [B, T, {blocks.channels}], none of them 0, for these blocks"
        )
    if x.dtype != blocks.dtype or x.device != blocks.device:
        raise ConfigError(
            f"x is {x.dtype} on {x.device}, the blocks {blocks.dtype} on {blocks.device}; they must agree"
        )
    return RESIDUAL_BLOCKS.choose(x, blocks)(x, blocks)
