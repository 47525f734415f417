"""Calls of the ops: small ones of every awkward size for agreement, a vocoder's own for time."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpu_bench.settings import Settings
from kalakan.config.schema import AudioConfig
from kalakan.ops.dispatch import Op

Arguments = tuple[Any, ...]
AUDIO = AudioConfig()
TOLERANCES = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 1e-2}
"""Relative error against float64 that an implementation may show."""
HALF_FIRST = (torch.float16, torch.float32, torch.bfloat16)
"""Types in the order in which they are timed."""
FRAMES, ITEMS = (1, 2, 63, 129), (1, 7)
"""Lengths and batches of the agreement."""
DRY_FRAMES = (2, 9)
"""Lengths of a dry run, and of the calls that are watched for races: inside a block, and over several."""
LOADS = ((1, 1), (1, 10), (32, 10))
"""Items and seconds of audio that are timed."""


def _same(arguments: Arguments) -> Arguments:
    return arguments


def widen(arguments: Arguments) -> Arguments:
    """The same call in float64."""
    return tuple(
        value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in arguments
    )


@dataclass(frozen=True)
class Case:
    """One call of an op with fresh random inputs each time; its first argument has the items."""

    title: str
    """Names it in the results."""
    make: Callable[[], Arguments]
    """Draws the op's arguments."""
    tolerance: float
    """Relative error that may be."""
    compared: Callable[[Arguments], Arguments] = _same
    """The call whose result is compared with float64: the same kernels and shapes."""
    wide: Callable[[Arguments], Arguments] = widen
    """A call in float64."""


def find_op(name: str) -> tuple[Op, Callable[..., Tensor]]:
    """An op's dispatcher and its public function."""
    module = importlib.import_module(f"kalakan.ops.{name}")
    return getattr(module, name.upper()), getattr(module, name)


def agreement_cases(op: str, settings: Settings) -> Iterator[Case]:
    """Sizes at which kernels go wrong. Raises `ModuleNotFoundError` for an op that nobody wrote cases of."""
    cases: Iterator[Case] = importlib.import_module(f"gpu_bench.{op}_cases").agreement(settings)
    return cases


def timed_cases(op: str, settings: Settings) -> Iterator[Case]:
    """What a vocoder asks of the op, at the loads of `LOADS`; raises as `agreement_cases`."""
    cases: Iterator[Case] = importlib.import_module(f"gpu_bench.{op}_cases").timed(settings)
    return cases


def loads(settings: Settings) -> tuple[tuple[int, int, int], ...]:
    """Items, seconds and frames of each load; two tiny ones in a dry run."""
    if settings.is_dry:
        return ((1, 0, 6), (2, 0, 7))
    return tuple((items, seconds, round(seconds * AUDIO.frame_rate)) for items, seconds in LOADS)


def lengths(settings: Settings) -> tuple[int, ...]:
    """Frames of the agreement's calls."""
    return DRY_FRAMES if settings.is_dry else FRAMES


def type_name(dtype: torch.dtype) -> str:
    """Such as "float16"."""
    return str(dtype).removeprefix("torch.")
