"""Residual blocks by the kernels of csrc/residual_blocks.cu: tensor cores for 16 bits, float32 in full precision."""

from __future__ import annotations

import ctypes
import functools
import math

import torch
from torch import Tensor

from kalakan.ops import extension
from kalakan.ops.dispatch import Implementation
from kalakan.ops.launch import Launch, Launcher, address, aligned
from kalakan.ops.residual_blocks import packing, plan
from kalakan.ops.residual_blocks.packing import DTYPES, WIDTHS, ResidualBlocks

THREADS = 256
LEAKY, FIRST, ADDED = 0, 1, 2
"""How a launch writes its output: `Output` of csrc/residual_blocks.cuh."""
LEAST_SLOPE = 0.01
"""The kernels store leaky ReLUs' outputs and invert them: with a smaller slope, negatives lose precision."""


class Parameters(ctypes.Structure):
    """`ResidualBlocksParams` of csrc/residual_blocks.cuh, field by field."""

    _fields_ = [
        ("x", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("frames", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("tiles", ctypes.c_int),
        ("rows", ctypes.c_int),
        ("halo", ctypes.c_int),
        ("taps", ctypes.c_int),
        ("convolutions", ctypes.c_int),
        ("layer", ctypes.c_int),
        ("is_activated", ctypes.c_int),
        ("output", ctypes.c_int),
        ("slope", ctypes.c_float),
        ("inverse", ctypes.c_float),
        ("scale", ctypes.c_float),
        ("dilations", ctypes.c_int * plan.MOST_CONVOLUTIONS),
    ]


def residual_blocks(x: Tensor, blocks: ResidualBlocks) -> Tensor:
    """Mean of the blocks' outputs, [B, T, C]; bit for bit the same each time, and for each item alone."""
    return run(extension.launcher(x.device), x, blocks)


def run(launcher: Launcher, x: Tensor, blocks: ResidualBlocks) -> Tensor:
    """`residual_blocks` with an explicit launcher."""
    given = aligned(x.detach().contiguous())
    out = torch.empty_like(given)
    device = limits(launcher, kernel_name(blocks), x.device)
    for number, block in enumerate(blocks.blocks):
        parts = plan.plan(_shape(given, blocks, block), device)
        assert parts is not None  # else the call was rejected
        source = given
        for part in parts:
            is_last = part is parts[-1]
            target = out if is_last else torch.empty_like(given)
            output = LEAKY if not is_last else FIRST if number == 0 else ADDED
            parameters = _parameters(source, blocks, block, part, target)
            parameters.is_activated, parameters.output = source is not given, output
            grid = (parameters.tiles * given.size(0), 1, 1)
            launcher.launch(Launch(kernel_name(blocks), grid, THREADS, part.shared), parameters, x.device)
            source = target
    return out


def _parameters(
    source: Tensor, blocks: ResidualBlocks, block: packing.Block, part: plan.Part, target: Tensor
) -> Parameters:
    _, frames, channels = source.shape
    assert block.weight is not None and block.bias is not None  # else the call was rejected
    return Parameters(
        address(source), address(block.weight[part.first]), address(block.bias[part.first]), address(target),
        frames, channels, math.ceil(frames / part.rows), part.rows, part.halo,
        block.kernel, len(part.dilations), len(block.layers[0]), 0, 0,
        blocks.slope, 1 / blocks.slope, 1 / len(blocks.blocks),
        (ctypes.c_int * plan.MOST_CONVOLUTIONS)(*part.dilations),
    )  # fmt: skip


def kernel_name(blocks: ResidualBlocks) -> str:
    """The kernel of csrc/residual_blocks.cu for a type and a width."""
    return f"residual_blocks_{str(blocks.dtype).removeprefix('torch.')}_{blocks.width}"


@functools.lru_cache(maxsize=64)
def limits(launcher: Launcher, kernel: str, device: torch.device) -> plan.Device:
    """Largest tile, so that two run on a multiprocessor, or one with 64 channels; and how many run concurrently."""
    shared = launcher.shared_limit(device)
    if not kernel.endswith("_64"):
        shared = (
            shared - 1024
        ) // 2  # a multiprocessor has 1 KB more than a block may use, and reserves 1 KB per block
    return plan.Device(shared, max(1, launcher.resident(Launch(kernel, (1, 1, 1), THREADS, shared), device)))


def _shape(x: Tensor, blocks: ResidualBlocks, block: packing.Block) -> plan.Block:
    dilations = tuple(each.dilation for layer in block.layers for each in layer)
    width = blocks.width or max(WIDTHS)
    return plan.Block(
        x.size(0), x.size(1), width, x.element_size(), block.kernel, dilations, len(block.layers[0])
    )


def _refuses(x: Tensor, blocks: ResidualBlocks) -> str | None:
    """Why the kernels do not support this call; None: they do."""
    reason = extension.refuses(x, DTYPES) or refuses(x, blocks)
    if reason is not None:
        return reason
    if x.dtype == torch.bfloat16 and torch.cuda.get_device_capability(x.device) < (8, 0):
        return "bfloat16 needs compute capability 8.0"
    return too_large(extension.launcher(x.device), x, blocks)


def refuses(x: Tensor, blocks: ResidualBlocks) -> str | None:
    """Why no device's kernel supports these sizes; None: that depends on its shared memory."""
    if blocks.width is None:
        return f"x has {blocks.channels} channels, and the kernel takes at most {max(WIDTHS)}"
    if blocks.slope < LEAST_SLOPE:
        return f"slope is {blocks.slope}, and the kernel undoes leaky ReLUs from {LEAST_SLOPE} on"
    if x.size(0) * x.size(1) >= 2**31 - 2**20:
        return f"{x.size(0)} items of {x.size(1)} samples are more than the kernel counts"
    return None


def too_large(launcher: Launcher, x: Tensor, blocks: ResidualBlocks) -> str | None:
    """Why a layer does not fit the shared memory; None: all do."""
    device = limits(launcher, kernel_name(blocks), x.device)
    for block in blocks.blocks:
        if plan.plan(_shape(x, blocks, block), device) is None:
            return f"kernel {block.kernel} with its dilations reaches further than {device.shared} bytes hold"
    return None


IMPLEMENTATION = Implementation("cuda", residual_blocks, extension.unavailable, _refuses)
