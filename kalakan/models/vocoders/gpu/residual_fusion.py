"""HiFi-GAN's residual blocks on activations [B, T, C]: a fused kernel if one applies, otherwise cuDNN's
convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.models.vocoders.gpu.channels_last import Convolution
from kalakan.models.vocoders.gpu.parallel_branches import side_by_side
from kalakan.ops.dispatch import requested
from kalakan.ops.residual_blocks import (
    RESIDUAL_BLOCKS,
    ResidualBlocks,
    pack_residual_blocks,
    reference,
    residual_blocks,
)
from kalakan.ops.residual_blocks import Convolution as OpConvolution


@dataclass(frozen=True)
class Fusion:
    """Mean of residual blocks; see `kalakan.models.vocoders.hifigan.ReceptiveFieldFusion`."""

    blocks: tuple[tuple[tuple[Convolution, ...], ...], ...]
    """The convolutions of each layer of each block."""
    packed: ResidualBlocks
    """The same blocks, packed for the op `residual_blocks`."""
    slope: float

    @classmethod
    def of(cls, blocks: Sequence[Sequence[Sequence[nn.Conv1d]]], dtype: torch.dtype, slope: float) -> Fusion:
        """Builds it from the convolutions of each layer of each block."""
        own = tuple(
            tuple(tuple(Convolution.of(conv, dtype) for conv in layer) for layer in block) for block in blocks
        )
        theirs = [
            [[OpConvolution(conv.weight, conv.bias, conv.dilation[0]) for conv in layer] for layer in block]
            for block in blocks
        ]
        return cls(own, pack_residual_blocks(theirs, dtype, slope), slope)

    def __call__(self, x: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        if self.packed.width is not None:  # wider blocks always run in cuDNN
            chosen = RESIDUAL_BLOCKS.choose(x, self.packed)
            # The op's reference is written for clarity: it transposes x, and was not requested here.
            if requested("residual_blocks") is not None or chosen is not reference.residual_blocks:
                return residual_blocks(x, self.packed)
        total, *others = side_by_side([partial(self._block, x, block) for block in self.blocks])
        for other in others:
            total += other
        return total.div_(len(self.blocks))

    def _block(self, x: Tensor, block: Sequence[Sequence[Convolution]]) -> Tensor:
        for layer in block:
            y = layer[0](F.leaky_relu(x, self.slope))
            for convolution in layer[1:]:
                y = convolution(F.leaky_relu_(y, self.slope))
            x = y.add_(x)
        return x
