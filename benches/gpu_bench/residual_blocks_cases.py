"""Calls of `residual_blocks`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from gpu_bench.cases import HALF_FIRST, ITEMS, TOLERANCES, Arguments, Case, lengths, loads, type_name
from gpu_bench.settings import Settings
from kalakan.config.schema import HifiGanConfig
from kalakan.models.registry import HIFIGAN_V3
from kalakan.ops.residual_blocks import Convolution, pack_residual_blocks

V1, V3 = HifiGanConfig(), HIFIGAN_V3
ODD = HifiGanConfig(residual_kernels=(1, 3), residual_dilations=((1,), (3, 1)))


def agreement(settings: Settings) -> Iterator[Case]:
    """The blocks of HiFi-GAN V1 and V3 where kernels serve them, and odd ones."""
    blocks = [(5, ODD), (16, V3)] if settings.is_dry else [(5, ODD), (32, V1), (64, V1), (32, V3), (128, V1)]
    for channels, config in blocks:
        for items, frames in ((items, frames) for items in ITEMS for frames in lengths(settings)):
            for dtype in TOLERANCES:
                yield _case(channels, config, items, frames, f"{frames} samples", dtype, settings.device)


def timed(settings: Settings) -> Iterator[Case]:
    """What follows each upsampling of HiFi-GAN V1; all loads in fp16, the largest in the other types."""
    for dtype in HALF_FIRST:
        for items, seconds, frames in loads(settings)[0 if dtype == torch.float16 else -1 :]:
            channels = 16 if settings.is_dry else V1.channels
            for rate in V1.upsample_rates[:1] if settings.is_dry else V1.upsample_rates:
                frames, channels = frames * rate, channels // 2
                yield _case(channels, V1, items, frames, f"{seconds} s", dtype, settings.device)


def _case(
    channels: int,
    config: HifiGanConfig,
    items: int,
    frames: int,
    length: str,
    dtype: torch.dtype,
    device: str,
) -> Case:
    options: dict[str, Any] = {"device": device, "dtype": dtype}

    def convolution(kernel: int, dilation: int) -> Convolution:
        weight = torch.randn(channels, channels, kernel, **options) / (channels * kernel) ** 0.5
        return Convolution(weight, torch.randn(channels, **options), dilation)

    def make() -> Arguments:
        ways = zip(config.residual_kernels, config.residual_dilations, strict=True)
        last = [1] if config.residual_pairs else []
        blocks = [
            [[convolution(kernel, each) for each in (dilation, *last)] for dilation in dilations]
            for kernel, dilations in ways
        ]
        return (torch.randn(items, frames, channels, **options), pack_residual_blocks(blocks))

    def wide(arguments: Arguments) -> Arguments:
        x, packed = arguments
        blocks = [block.layers for block in packed.blocks]
        return (x.double(), pack_residual_blocks(blocks, torch.float64, packed.slope))

    kind = f"kernels {'/'.join(map(str, config.residual_kernels))}"
    title = f"C {channels}, {kind}, {items} x {length}, {type_name(dtype)}"
    return Case(title, make, TOLERANCES[dtype], wide=wide)
