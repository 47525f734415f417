"""Calls of `griffin_lim`."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gpu_bench.cases import AUDIO, ITEMS, TOLERANCES, Arguments, Case, lengths, loads
from gpu_bench.settings import Settings

ITERATIONS, FEW_ITERATIONS = 32, 2
"""Timed, and compared with float64: later, rounding errors grow in every implementation."""
SIZES = ((1200, 1200, 300), (1024, 1024, 256), (1024, 800, 200), (60, 48, 20))
"""n_fft, win_length and hop_length: those with kernels of their own, and the one for all others."""
MANY_FRAMES = 2000
"""At seven items more than fits on the chip: one launch an iteration."""


def agreement(settings: Settings) -> Iterator[Case]:
    """All sizes."""
    frames = lengths(settings) if settings.is_dry else (*lengths(settings), MANY_FRAMES)
    for n_fft, win_length, hop in SIZES[::3] if settings.is_dry else SIZES:
        for items, count in ((items, count) for items in ITEMS for count in frames):
            title = f"n_fft {n_fft}, win {win_length}, hop {hop}, {items} x {count} frames"
            yield _case(title, items, count, (n_fft, win_length, hop), settings.device)


def timed(settings: Settings) -> Iterator[Case]:
    """The voices' own sizes."""
    sizes = (AUDIO.n_fft, AUDIO.win_length, AUDIO.hop_length)
    for items, seconds, frames in loads(settings):
        yield _case(f"{items} x {seconds} s", items, frames, sizes, settings.device)


def _case(title: str, items: int, frames: int, sizes: tuple[int, int, int], device: str) -> Case:
    def make() -> Arguments:
        magnitude = torch.rand(items, sizes[0] // 2 + 1, frames, device=device)
        return (magnitude, *sizes, ITERATIONS, 0.99, 0)

    def fewer(arguments: Arguments) -> Arguments:
        return (*arguments[:4], FEW_ITERATIONS, *arguments[5:])

    return Case(title, make, TOLERANCES[torch.float32], fewer)
