"""Upsampling by a Triton kernel: on NVIDIA GPUs where the CUDA kernels are not built."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from kalakan.ops import triton_support
from kalakan.ops.dispatch import Implementation
from kalakan.ops.upsample.cuda import refuses
from kalakan.ops.upsample.packing import activation_dtype, channels_last, packed


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
    """Activations [B, C_out, T_out], channels contiguous in memory; the first call of a size autotunes."""
    return run(x, weight, bias, stride, padding, output_padding, slope, residual)


def run(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    slope: float,
    residual: Tensor | None,
    blocks: Mapping[str, int] | None = None,
) -> Tensor:
    """`upsample` with the autotuned kernel, or with the plain one and tile sizes `blocks`."""
    from kalakan.ops.upsample import kernels

    dtype, device = activation_dtype(x), x.device
    items, c_in, frames = x.shape
    _, c_out, kernel = weight.shape
    length = (frames - 1) * stride - 2 * padding + kernel + output_padding
    taps = packed(weight, stride, dtype)
    out = torch.empty(items, length, c_out, dtype=dtype, device=device)
    offsets = torch.zeros(c_out, device=device) if bias is None else bias.detach().float()
    rows_of_a_phase = math.ceil((length + padding) / stride)

    def grid(meta: Mapping[str, int]) -> tuple[int, int, int]:
        tiles = math.ceil(rows_of_a_phase / meta["BLOCK_Q"])
        return tiles, math.ceil(c_out / meta["BLOCK_N"]), items * stride

    arguments = (
        channels_last(x, dtype), taps, offsets, out if residual is None else channels_last(residual, dtype), out,
        frames, c_out, stride, padding, length, (items * frames).bit_length(), slope,
        taps.size(1), c_in, residual is not None,
    )  # fmt: skip
    if blocks is None:
        with torch.cuda.device(device):
            kernels.tuned[grid](*arguments)
    else:
        kernels.plain[grid](*arguments, **blocks)
    return out.transpose(1, 2)


def _refuses(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int,
    slope: float, residual: Tensor | None,
) -> str | None:  # fmt: skip
    return refuses(x, weight, bias, stride, residual)


IMPLEMENTATION = Implementation("triton", upsample, triton_support.unavailable, _refuses)
