"""Upsampling by a Triton kernel: on NVIDIA GPUs where the CUDA kernels are not built.

Nothing is tuned at run time: trying tiles compiles a kernel for each, which takes longer than synthesizing a book.
`kalakan doctor --tune` does that, and stores the result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from kalakan.ops import choices, triton_support
from kalakan.ops.choices import Tiles
from kalakan.ops.dispatch import Implementation
from kalakan.ops.upsample.cuda import refuses
from kalakan.ops.upsample.packing import activation_dtype, channels_last, offsets, packed, shape

CANDIDATES: dict[int, tuple[Tiles, ...]] = {
    2: (
        (16, 64, 64, 4, 3),
        (32, 64, 64, 4, 3),
        (64, 32, 64, 4, 4),
        (64, 64, 32, 4, 4),
        (128, 128, 32, 8, 4),
    ),
    4: ((16, 32, 32, 4, 3), (32, 32, 32, 4, 3), (64, 32, 32, 4, 3), (64, 64, 16, 4, 3)),
}
"""Tiles that `kalakan doctor --tune` tries, by the bytes of the type; none keeps registers in memory."""
GOOD: dict[int, Tiles] = {2: (64, 64, 32, 4, 4), 4: (64, 64, 16, 4, 3)}
"""Default tiles, if nothing was measured."""
FEW_ROWS = 4096
"""Items times frames below which large tiles would leave multiprocessors of a GPU idle."""
FEW: dict[int, Tiles] = {2: (32, 64, 64, 4, 3), 4: (32, 32, 32, 4, 3)}


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
    """Activations [B, C_out, T_out], channels contiguous in memory; the first call of a shape compiles the kernel."""
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
    """`upsample` with tile sizes and launch options `blocks`; None: those of `tiles_for`."""
    from kalakan.ops.upsample import kernels

    dtype, device = activation_dtype(x), x.device
    items, c_in, frames = x.shape
    _, c_out, kernel = weight.shape
    length = (frames - 1) * stride - 2 * padding + kernel + output_padding
    taps = packed(weight, stride, dtype)
    out = torch.empty(items, length, c_out, dtype=dtype, device=device)
    sums = offsets(bias, c_out, device)
    rows_of_a_phase = math.ceil((length + padding) / stride)

    def grid(meta: Mapping[str, int]) -> tuple[int, int, int]:
        tiles = math.ceil(rows_of_a_phase / meta["BLOCK_Q"])
        return tiles, math.ceil(c_out / meta["BLOCK_N"]), items * stride

    arguments = (
        channels_last(x, dtype), taps, sums, out if residual is None else channels_last(residual, dtype), out,
        frames, c_out, stride, padding, length, slope,
        taps.size(1), c_in, residual is not None,
    )  # fmt: skip
    if blocks is None:
        with torch.cuda.device(device):
            kernels.upsample[grid](*arguments, **as_options(tiles_for(x, weight, stride)))
    else:
        kernels.upsample[grid](*arguments, **blocks)
    return out.transpose(1, 2)


def tiles_for(x: Tensor, weight: Tensor, stride: int) -> Tiles:
    """Small tiles for little work; otherwise the measured tiles for this shape, or a good default."""
    few, good = FEW[activation_dtype(x).itemsize], GOOD[activation_dtype(x).itemsize]
    called = shape(x, weight, None, stride)
    if called.rows < FEW_ROWS and not choices.are_forced():
        return few
    return choices.tiles(called) or good


def as_options(tiles: Tiles) -> dict[str, int]:
    """Tiles in the form that the kernel takes."""
    rows, columns, depth, warps, stages = tiles
    return {"BLOCK_Q": rows, "BLOCK_N": columns, "BLOCK_K": depth, "num_warps": warps, "num_stages": stages}


def _refuses(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, output_padding: int,
    slope: float, residual: Tensor | None,
) -> str | None:  # fmt: skip
    return refuses(x, weight, bias, stride, residual)


IMPLEMENTATION = Implementation("triton", upsample, triton_support.unavailable, _refuses)
