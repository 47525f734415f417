"""Upsampling in plain torch: the reference, and the implementation that scripted, traced and compiled models run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose1d, leaky_relu

from kalakan.ops.dispatch import Implementation


def upsample(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    slope: float,
    residual: Tensor | None,
) -> Tensor:
    """Leaky ReLU, transposed convolution, bias, residual; any device and floating dtype, differentiable."""
    # In gaps between taps oneDNN omits the bias, in bfloat16 on processors with AMX (torch 2.15).
    if bias is not None and x.dtype == torch.bfloat16 and weight.shape[2] < stride:
        y = conv_transpose1d(leaky_relu(x, slope), weight, None, stride, padding, output_padding)
        y = y + bias[:, None]
    else:
        y = conv_transpose1d(leaky_relu(x, slope), weight, bias, stride, padding, output_padding)
    return y if residual is None else y + residual


def _serves() -> str | None:
    return None


def _accepts(*_: object) -> str | None:
    return None


IMPLEMENTATION = Implementation("torch", upsample, _serves, _accepts)
