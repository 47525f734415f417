"""Griffin-Lim in the Rust core, for float32 tensors on the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

import kalakan._rust as _rust
from kalakan.ops.dispatch import Implementation


def griffin_lim(
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int,
    momentum: float,
    seed: int | None,
) -> Tensor:
    """Audio [B, T * hop_length] for magnitudes [B, F, T]; uses `torch.get_num_threads()` threads."""
    plan = _rust.Stft(n_fft, win_length, hop_length)
    audio = plan.griffin_lim(
        magnitude.detach().numpy(),
        n_iter=n_iter,
        momentum=momentum,
        seed=seed,
        threads=torch.get_num_threads(),
    )
    return torch.from_numpy(audio)


def _serves() -> str | None:
    return None


def _refuses(magnitude: Tensor, *_: object) -> str | None:
    if magnitude.device.type != "cpu":
        return f"the tensor is on {magnitude.device}, and Rust works on the CPU"
    if magnitude.dtype != torch.float32:
        return f"the tensor is {magnitude.dtype}, and Rust takes torch.float32"
    if magnitude.requires_grad and torch.is_grad_enabled():
        return "a gradient is wanted, and Rust computes none"
    return None


IMPLEMENTATION = Implementation("rust", griffin_lim, _serves, _refuses)
