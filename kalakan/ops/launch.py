"""How an op reaches a kernel of csrc/: one struct of parameters, one call, whoever compiled it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel."""

    kernel: str
    """Its name in csrc/."""
    grid: tuple[int, int, int]
    """Blocks in x, y and z."""
    threads: int
    """Threads of a block."""
    shared: int
    """Bytes of shared memory of a block."""
    cooperative: bool = False
    """True if the blocks wait for each other, so that all must be resident at once."""


class Launcher(Protocol):
    """What runs kernels: the built extension, NVRTC's modules, or the tests' build for the CPU."""

    def launch(self, launch: Launch, parameters: ctypes.Structure, device: torch.device) -> None:
        """Queues a launch on the current stream of `device`; raises `KernelError`."""
        ...

    def resident(self, launch: Launch, device: torch.device) -> int:
        """Blocks of that size and kind that run on `device` at once."""
        ...

    def shared_limit(self, device: torch.device) -> int:
        """Bytes of shared memory that one block may have."""
        ...

    def __hash__(self) -> int:
        """What a device allows is asked once of each launcher."""
        ...


def address(tensor: Tensor | None) -> int | None:
    """Where a tensor's first element is; None for no tensor."""
    return None if tensor is None else tensor.data_ptr()


def aligned(tensor: Tensor) -> Tensor:
    """The tensor, or a copy where it does not begin at a multiple of 16 bytes: kernels load 16 at a time."""
    return tensor if tensor.data_ptr() % 16 == 0 else tensor.clone()
