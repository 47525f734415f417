"""Upsampling in plain torch: the definition of correct, and what scripted, traced and compiled models run."""

from __future__ import annotations

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
    y = conv_transpose1d(leaky_relu(x, slope), weight, bias, stride, padding, output_padding)
    return y if residual is None else y + residual


def _serves() -> str | None:
    return None


def _accepts(*_: object) -> str | None:
    return None


IMPLEMENTATION = Implementation("torch", upsample, _serves, _accepts)
