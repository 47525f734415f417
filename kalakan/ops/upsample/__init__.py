"""Upsampling of a vocoder: leaky ReLU, transposed convolution and residual addition in one pass."""

# torch.jit does not list is_scripting in __all__, and TorchScript misreads a "type:" comment on its line.
# mypy: disable-error-code="attr-defined"
from __future__ import annotations

import torch
from torch import Tensor

from kalakan.errors import ConfigError
from kalakan.ops.dispatch import Op
from kalakan.ops.upsample import cuda, reference, triton
from kalakan.ops.upsample.packing import shape as shape_of

UPSAMPLE = Op("upsample", (cuda.IMPLEMENTATION, triton.IMPLEMENTATION, reference.IMPLEMENTATION), shape_of)


def upsample(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int = 0,
    output_padding: int = 0,
    slope: float = 0.1,
    residual: Tensor | None = None,
) -> Tensor:
    """Activations [B, C_out, T_out] of x [B, C_in, T]: `conv_transpose1d(leaky_relu(x, slope)) + bias + residual`.

    J. Kong, J. Kim, J. Bae, "HiFi-GAN", NeurIPS 2020, section 2.2: the first layers of each stage of its generator.
    `weight` is [C_in, C_out, K] as in `torch.nn.ConvTranspose1d`, `bias` [C_out], `residual` has the shape of the
    result, with T_out = (T - 1) * stride - 2 * padding + K + output_padding. A `slope` of 1 means no activation.
    Raises `ImplementationUnavailable` when a requested implementation does not support the call, `ConfigError` for
    incompatible shapes or sizes.
    """
    if torch.jit.is_scripting():
        return reference.upsample(x, weight, bias, stride, padding, output_padding, slope, residual)
    arguments = (x, weight, bias, stride, padding, output_padding, slope, residual)
    if not torch.jit.is_tracing():  # type: ignore[no-untyped-call]
        _check(*arguments)
    return UPSAMPLE.choose(*arguments)(*arguments)


def output_length(frames: int, kernel: int, stride: int, padding: int, output_padding: int) -> int:
    """T_out for T `frames`."""
    return (frames - 1) * stride - 2 * padding + kernel + output_padding


def _check(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    slope: float,
    residual: Tensor | None,
) -> None:
    if x.dim() != 3 or weight.dim() != 3 or x.size(1) != weight.size(0) or x.numel() * weight.numel() == 0:
        raise ConfigError(
            f"x has shape {list(x.shape)} and weight {list(weight.shape)}; they must be [B, C_in, T] and "
            "[C_in, C_out, K], none of them 0"
        )
    if stride < 1 or padding < 0 or not 0 <= output_padding < stride:
        raise ConfigError(
            f"stride is {stride}, padding {padding}, output_padding {output_padding}; stride must be at least 1, "
            "padding at least 0, output_padding from 0 to stride - 1"
        )
    out = [
        x.size(0),
        weight.size(1),
        output_length(x.size(2), weight.size(2), stride, padding, output_padding),
    ]
    if out[2] < 1:
        raise ConfigError(f"padding is {padding}; it leaves {out[2]} of the output's samples")
    for name, tensor, shape in (("bias", bias, out[1:2]), ("residual", residual, out)):
        if tensor is not None and list(tensor.shape) != shape:
            raise ConfigError(f"{name} has shape {list(tensor.shape)}; it must be {shape}")
    mixed = torch.is_autocast_enabled(x.device.type)  # then torch casts the types
    for name, tensor in (("weight", weight), ("bias", bias), ("residual", residual)):
        if tensor is not None and (tensor.device != x.device or (tensor.dtype != x.dtype and not mixed)):
            raise ConfigError(
                f"{name} is {tensor.dtype} on {tensor.device}, x {x.dtype} on {x.device}; they must agree"
            )
