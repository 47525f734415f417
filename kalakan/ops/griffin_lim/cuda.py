"""Griffin-Lim by the kernels of csrc/griffin_lim.cu: one launch for all iterations, or one per iteration."""

from __future__ import annotations

import ctypes
import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kalakan.ops import extension
from kalakan.ops.dispatch import Implementation
from kalakan.ops.launch import Launch, Launcher, address

THREADS = 256
PLANNED = {(1200, 300): 320, (1024, 256): 256}
"""Transform lengths and hops with specialized kernels, and the threads of a block: one per sample of a hop."""


class Parameters(ctypes.Structure):
    """`GriffinLimParams` of csrc/griffin_lim.cuh, field by field."""

    _fields_ = [
        ("magnitude", ctypes.c_void_p),
        ("roots", ctypes.c_void_p),
        ("window", ctypes.c_void_p),
        ("now", ctypes.c_void_p),
        ("before", ctypes.c_void_p),
        ("reciprocals", ctypes.c_void_p),
        ("audio", ctypes.c_void_p),
        ("flags", ctypes.c_void_p),
        ("item_stride", ctypes.c_longlong),
        ("frame_stride", ctypes.c_longlong),
        ("bin_stride", ctypes.c_longlong),
        ("n_fft", ctypes.c_int),
        ("hop", ctypes.c_int),
        ("frames", ctypes.c_int),
        ("pairs", ctypes.c_int),
        ("blocks", ctypes.c_int),
        ("items", ctypes.c_int),
        ("iteration", ctypes.c_int),
        ("momentum", ctypes.c_float),
        ("is_seeded", ctypes.c_int),
        ("seed", ctypes.c_uint),
        ("radices", ctypes.c_int * 16),
    ]


@dataclass(frozen=True)
class Shape:
    """How a batch is split into blocks."""

    items: int
    frames: int
    n_fft: int
    hop: int

    @property
    def pairs(self) -> int:
        """Pairs of frames per block: enough that no sample is covered by more than two blocks."""
        return max(1, math.ceil((self.n_fft - self.hop) / (2 * self.hop)))

    @property
    def blocks(self) -> int:
        """Blocks per item."""
        return math.ceil(self.frames / (2 * self.pairs))

    @property
    def extent(self) -> int:
        """Samples that the frames of a block cover."""
        return (2 * self.pairs - 1) * self.hop + self.n_fft

    @property
    def plan(self) -> str:
        """What the names of its kernels end with."""
        return f"{self.n_fft}_{self.hop}" if (self.n_fft, self.hop) in PLANNED else "any"

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return PLANNED.get((self.n_fft, self.hop), THREADS)

    @property
    def shared(self) -> int:
        """Bytes of shared memory of a block: two buffers for the transforms, roots of unity and window."""
        return 16 * self.pairs * self.n_fft + 12 * self.n_fft

    @property
    def shared_persistent(self) -> int:
        """The same with magnitudes, reciprocals and earlier sums, and with sums where they are not in registers."""
        sums = (3 if self.plan == "any" else 2) * self.extent
        return self.shared + 4 * (sums + 2 * self.pairs * (self.n_fft // 2 + 1))


def griffin_lim(
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int,
    momentum: float,
    seed: int | None,
) -> Tensor:
    """Audio [B, T * hop_length] for magnitudes [B, F, T]; bit for bit the same each time."""
    launcher = extension.launcher(magnitude.device)
    return run(launcher, magnitude, n_fft, win_length, hop_length, n_iter, momentum, seed)


def run(
    launcher: Launcher,
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int,
    momentum: float,
    seed: int | None,
) -> Tensor:
    """`griffin_lim` with an explicit launcher, in one launch if all blocks are resident at once."""
    device = magnitude.device
    shape = Shape(magnitude.size(0), magnitude.size(2), n_fft, hop_length)
    grid = (shape.blocks * shape.items, 1, 1)
    persistent = Launch(
        f"griffin_lim_persist_{shape.plan}", grid, shape.threads, shape.shared_persistent, cooperative=True
    )
    in_one = grid[0] <= _resident(launcher, persistent.kernel, shape.threads, shape.shared_persistent, device)
    if not in_one:
        magnitude = magnitude.transpose(1, 2).contiguous().transpose(1, 2)  # a frame's bins contiguous
    roots, window = _tables(n_fft, win_length, device)
    audio = torch.empty(shape.items, shape.frames * hop_length, device=device)
    now = torch.empty(2, grid[0], shape.extent, device=device)
    parameters = Parameters(
        address(magnitude), address(roots), address(window), address(now), None, None, address(audio), None,
        magnitude.stride(0), magnitude.stride(2), magnitude.stride(1),
        n_fft, hop_length, shape.frames, shape.pairs, shape.blocks, shape.items, n_iter,
        momentum / (1 + momentum), seed is not None, _mix(seed or 0), (ctypes.c_int * 16)(*radices(n_fft)),
    )  # fmt: skip
    if in_one:
        flags = torch.zeros(grid[0], dtype=torch.int32, device=device)
        parameters.flags = address(flags)
        launcher.launch(persistent, parameters, device)
        return audio
    tables = torch.empty(2, grid[0], shape.extent, device=device)
    parameters.before, parameters.reciprocals = address(tables[0]), address(tables[1])
    _run_each(launcher, parameters, shape, grid, n_iter, device)
    return audio


def _run_each(
    launcher: Launcher,
    parameters: Parameters,
    shape: Shape,
    grid: tuple[int, int, int],
    n_iter: int,
    device: torch.device,
) -> None:
    """One launch to start, one per iteration, one to finish."""
    momentum = parameters.momentum

    def launch(kernel: str, iteration: int, threads: int = shape.threads, shared: int = shape.shared) -> None:
        parameters.iteration = iteration
        parameters.momentum = 0.0 if iteration == 0 else momentum  # nothing comes before the first
        launcher.launch(Launch(kernel, grid, threads, shared), parameters, device)

    launch(f"griffin_lim_start_{shape.plan}", 0)
    for iteration in range(n_iter):
        launch(f"griffin_lim_iterate_{shape.plan}", iteration)
    launch("griffin_lim_finish", n_iter, THREADS, 0)


def radices(n_fft: int) -> list[int]:
    """Factors 4, 2, 3 and 5 whose product is n_fft; empty where it has other prime factors."""
    found = []
    for radix in (4, 2, 3, 5):
        while n_fft % radix == 0:
            found.append(radix)
            n_fft //= radix
    return found if n_fft == 1 else []


@functools.lru_cache(maxsize=64)
def _resident(launcher: Launcher, kernel: str, threads: int, shared: int, device: torch.device) -> int:
    """Blocks with so much shared memory that run at once; 0 where a block may not have it."""
    if shared > _shared_limit(launcher, device):
        return 0
    return launcher.resident(Launch(kernel, (1, 1, 1), threads, shared, cooperative=True), device)


@functools.lru_cache(maxsize=64)
def _shared_limit(launcher: Launcher, device: torch.device) -> int:
    return launcher.shared_limit(device)


@functools.lru_cache(maxsize=8)
def _tables(n_fft: int, win_length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Roots of unity [n_fft, 2] and the window [n_fft], rounded from float64."""
    angle = torch.arange(n_fft, dtype=torch.float64) * (-2.0 * math.pi / n_fft)
    roots = torch.stack([angle.cos(), angle.sin()], 1).float()
    left = (n_fft - win_length) // 2
    window = torch.zeros(n_fft)
    window[left : left + win_length] = torch.hann_window(win_length, dtype=torch.float64).float()
    return roots.to(device), window.to(device)


def _mix(x: int) -> int:
    """The hash of `reference.initial_phase`, for the seed."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def _refuses(magnitude: Tensor, n_fft: int, win_length: int, hop_length: int, *_: object) -> str | None:
    reason = extension.refuses(magnitude, (torch.float32,))
    if reason is not None:
        return reason
    if not radices(n_fft) or len(radices(n_fft)) > 15:
        return f"n_fft is {n_fft}, and the kernel's transforms have lengths 2^a 3^b 5^c"
    shape = Shape(magnitude.size(0), magnitude.size(2), n_fft, hop_length)
    limit = _shared_limit(extension.launcher(magnitude.device), magnitude.device)
    if shape.shared > limit:
        return f"n_fft {n_fft} at hop {hop_length} needs {shape.shared} bytes of shared memory, of {limit}"
    if shape.frames * hop_length + n_fft >= 2**31 or shape.items * shape.blocks >= 2**31:
        return f"{shape.frames} frames are more than the kernel counts"
    return None


IMPLEMENTATION = Implementation("cuda", griffin_lim, extension.unavailable, _refuses)
