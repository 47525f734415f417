"""Residual blocks that every implementation is held to, and their value in float64 by plain loops."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kalakan.ops.residual_blocks import Convolution, ResidualBlocks, pack_residual_blocks

Sizes = tuple[int, tuple[int, ...], tuple[tuple[int, ...], ...], bool]
"""Channels, kernel of each block, dilations of each block, whether convolutions come in pairs."""
V1 = ((3, 7, 11), ((1, 3, 5), (1, 3, 5), (1, 3, 5)), True)
V3 = ((3, 5, 7), ((1, 2), (2, 6), (3, 12)), False)
SMALL: list[Sizes] = [
    (16, (3, 5), ((1, 3), (2,)), True),
    (32, (3,), ((1, 5, 2),), True),
    (64, (3,), ((2, 1),), False),
    (8, (5, 3), ((1, 2, 3), (4,)), False),
    (5, (1, 3), ((1,), (3, 1)), True),  # channels that are no multiple of anything
]


def case(
    sizes: Sizes, batch: int, frames: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> tuple[Tensor, ResidualBlocks]:
    """Random x [batch, frames, C] and blocks, rounded to `dtype`; the convolutions keep the size of what they read."""
    channels, kernels, dilations, pairs = sizes
    generator = torch.Generator().manual_seed(frames)

    def convolution(kernel: int, dilation: int) -> Convolution:
        weight = torch.randn(channels, channels, kernel, generator=generator) / (channels * kernel) ** 0.5
        bias = torch.randn(channels, generator=generator)
        return Convolution(weight.to(device), bias.to(device), dilation)

    blocks = [
        [[convolution(kernel, dilation), *([convolution(kernel, 1)] if pairs else [])] for dilation in block]
        for kernel, block in zip(kernels, dilations, strict=True)
    ]
    x = torch.randn(batch, frames, channels, generator=generator).to(device, dtype)
    return x, pack_residual_blocks(blocks, dtype)


def exact(x: Tensor, blocks: ResidualBlocks) -> np.ndarray:
    """The op by its definition, tap by tap, in float64."""
    given, outs = x.double().cpu().numpy(), []
    for block in blocks.blocks:
        value = given
        for layer in block.layers:
            inner = value
            for each in layer:
                inner = _convolve(inner, each, blocks.slope)
            value = value + inner
        outs.append(value)
    return np.mean(outs, axis=0)


def _convolve(x: np.ndarray, convolution: Convolution, slope: float) -> np.ndarray:
    weight = convolution.weight.double().cpu().numpy()
    frames, kernel = x.shape[1], weight.shape[2]
    signal = np.where(x > 0, x, slope * x)
    out = np.zeros_like(x)
    for tap in range(kernel):
        shift = (tap - kernel // 2) * convolution.dilation  # out[t] reads signal[t + shift]
        first, last = max(0, -shift), min(frames, frames - shift)
        if first < last:
            out[:, first:last] += signal[:, first + shift : last + shift] @ weight[:, :, tap].T
    assert convolution.bias is not None
    return out + convolution.bias.double().cpu().numpy()
