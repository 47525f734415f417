"""Tensor ops with several implementations each. Importing this imports torch."""

from kalakan.ops.dispatch import use
from kalakan.ops.griffin_lim import griffin_lim
from kalakan.ops.residual_blocks import pack_residual_blocks, residual_blocks
from kalakan.ops.upsample import upsample

__all__ = ["griffin_lim", "pack_residual_blocks", "residual_blocks", "upsample", "use"]
