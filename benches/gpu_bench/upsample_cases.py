"""Calls of `upsample`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from gpu_bench.cases import AUDIO, HALF_FIRST, ITEMS, TOLERANCES, Arguments, Case, lengths, loads, type_name
from gpu_bench.settings import Settings
from kalakan.models.registry import create_vocoder
from kalakan.models.vocoders.upsampling import Upsample

Stage = tuple[int, int, int, int, int, int]
"""C_in, C_out, K, stride, padding and output padding."""
ODD_STAGES: tuple[Stage, ...] = (
    (8, 4, 16, 8, 4, 0),
    (5, 3, 10, 5, 3, 1),
    (3, 2, 7, 3, 0, 2),  # K is no multiple of the stride
    (2, 3, 2, 3, 0, 0),  # gaps between the taps
    (70, 66, 4, 2, 1, 0),  # a little more than a tile
)


def agreement(settings: Settings) -> Iterator[Case]:
    """Odd stages and, but in a dry run, HiFi-GAN's."""
    stages = ODD_STAGES if settings.is_dry else (*ODD_STAGES, *hifigan_stages())
    for stage in stages:
        for items, frames in ((items, frames) for items in ITEMS for frames in lengths(settings)):
            if (frames - 1) * stage[3] - 2 * stage[4] + stage[2] + stage[5] > 0:
                for dtype in TOLERANCES:
                    yield _case(stage, items, frames, f"{frames} frames", dtype, settings.device)


def timed(settings: Settings) -> Iterator[Case]:
    """The stages of HiFi-GAN V1, one after the other; all loads in fp16, the largest in the other types."""
    for dtype in HALF_FIRST:
        for items, seconds, frames in loads(settings)[0 if dtype == torch.float16 else -1 :]:
            for stage in hifigan_stages()[-1:] if settings.is_dry else hifigan_stages():
                yield _case(stage, items, frames, f"{seconds} s", dtype, settings.device)
                frames *= stage[3]


def hifigan_stages() -> list[Stage]:
    """Those of HiFi-GAN V1, first to last."""
    with torch.device("meta"):
        model = create_vocoder("hifigan", AUDIO)
    convs = [(each, each.conv) for each in model.modules() if isinstance(each, Upsample)]
    return [
        (conv.in_channels, conv.out_channels, conv.kernel_size[0], each.rate, each.padding, each.rate % 2)
        for each, conv in convs
    ]


def _case(stage: Stage, items: int, frames: int, length: str, dtype: torch.dtype, device: str) -> Case:
    c_in, c_out, kernel, stride, padding, output_padding = stage
    options: dict[str, Any] = {"device": device, "dtype": dtype}

    def make() -> Arguments:
        # As large as what leaves it: a result of rounding errors alone would compare nothing.
        weight = torch.randn(c_in, c_out, kernel, **options) / (c_in * max(1, kernel // stride)) ** 0.5
        bias, x = torch.randn(c_out, **options), torch.randn(items, c_in, frames, **options)
        return (x, weight, bias, stride, padding, output_padding, 0.1, None)

    title = f"{c_in}->{c_out} K {kernel} x{stride}, {items} x {length}, {type_name(dtype)}"
    return Case(title, make, TOLERANCES[dtype])
