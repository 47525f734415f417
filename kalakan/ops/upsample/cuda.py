"""Upsampling by the kernels of csrc/upsample.cu: tensor cores for 16 bits, float32 in full precision."""

from __future__ import annotations

import ctypes
import math

import torch
from torch import Tensor

from kalakan.ops import extension
from kalakan.ops.dispatch import Implementation
from kalakan.ops.launch import Launch, Launcher, address, aligned
from kalakan.ops.upsample.packing import activation_dtype, channels_last, offsets, packed

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
TILE, THREADS = 64, 256
SHARED = {
    torch.float32: 2 * 2 * 16 * 68 * 4,
    torch.float16: 2 * 128 * 40 * 2,
    torch.bfloat16: 2 * 128 * 40 * 2,
}
"""Bytes of two pairs of tiles: `words` of csrc/upsample.cuh."""


class Parameters(ctypes.Structure):
    """`UpsampleParams` of csrc/upsample.cuh, field by field."""

    _fields_ = [
        ("x", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("residual", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("items", ctypes.c_int),
        ("frames", ctypes.c_int),
        ("c_in", ctypes.c_int),
        ("c_out", ctypes.c_int),
        ("stride", ctypes.c_int),
        ("taps", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_int),
        ("slope", ctypes.c_float),
    ]


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
    """Activations [B, C_out, T_out], channels contiguous in memory."""
    launcher = extension.launcher(x.device)
    return run(launcher, x, weight, bias, stride, padding, output_padding, slope, residual)


def run(
    launcher: Launcher,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: int,
    output_padding: int,
    slope: float,
    residual: Tensor | None,
) -> Tensor:
    """`upsample` with an explicit launcher."""
    dtype, device = activation_dtype(x), x.device
    items, c_in, frames = x.shape
    _, c_out, kernel = weight.shape
    length = (frames - 1) * stride - 2 * padding + kernel + output_padding
    rows, taps = aligned(channels_last(x, dtype)), packed(weight, stride, dtype)
    added = None if residual is None else aligned(channels_last(residual, dtype))
    sums = offsets(bias, c_out, device)
    out = torch.empty(items, length, c_out, dtype=dtype, device=device)
    parameters = Parameters(
        address(rows), address(taps), address(sums), address(added), address(out),
        items, frames, c_in, c_out, stride, taps.size(1), padding, length, slope,
    )  # fmt: skip
    rows_of_a_phase = math.ceil((length + padding) / stride)
    grid = (math.ceil(rows_of_a_phase / TILE), math.ceil(c_out / TILE), items * stride)
    kernel_name = f"upsample_{str(dtype).removeprefix('torch.')}"
    launcher.launch(Launch(kernel_name, grid, THREADS, SHARED[dtype]), parameters, device)
    return out.transpose(1, 2)


def _refuses(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int,
    slope: float, residual: Tensor | None,
) -> str | None:  # fmt: skip
    return refuses(x, weight, bias, stride, residual)


def refuses(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, residual: Tensor | None
) -> str | None:
    """Why no GPU kernel supports this call; None: one does."""
    for tensor in (x, weight, bias, residual):
        reason = None if tensor is None else extension.refuses(tensor, DTYPES)
        if reason is not None:
            return reason
    if activation_dtype(x) == torch.bfloat16 and torch.cuda.get_device_capability(x.device) < (8, 0):
        return "bfloat16 needs compute capability 8.0"
    if x.size(0) * stride > 65535 or x.size(2) * stride + weight.size(2) >= 2**31:
        return f"{x.size(0)} items of {x.size(2)} frames at stride {stride} are more than the kernel counts"
    return None


IMPLEMENTATION = Implementation("cuda", upsample, extension.unavailable, _refuses)
