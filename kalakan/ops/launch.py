"""How an op launches a kernel of csrc/: one parameter struct and one call, for every compiler."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Launch:
    """One kernel launch."""

    kernel: str
    """Its name in csrc/."""
    grid: tuple[int, int, int]
    """Blocks in x, y and z."""
    threads: int
    """Threads per block."""
    shared: int
    """Bytes of shared memory per block."""
    cooperative: bool = False
    """True if the blocks wait for each other, so that all must be resident at once."""


class Launcher(Protocol):
    """Runs kernels: the built extension, NVRTC's modules, or the tests' build for the CPU."""

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
        """Device limits are queried once per launcher."""
        ...


def address(tensor: Tensor | None) -> int | None:
    """Address of a tensor's first element; None for no tensor."""
    return None if tensor is None else tensor.data_ptr()


def aligned(tensor: Tensor) -> Tensor:
    """The tensor, or a copy where it is not aligned to 16 bytes: kernels load 16 bytes at a time."""
    return tensor if tensor.data_ptr() % 16 == 0 else tensor.clone()


def is_capturing(tensor: Tensor) -> bool:
    """Whether work on a tensor's device is currently only recorded, for a CUDA graph capture: its result is computed
    when the graph runs, in the graph's memory, and must not be kept for other calls."""
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()
