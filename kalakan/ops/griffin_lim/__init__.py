"""Griffin-Lim: waveforms from magnitudes alone."""

# torch.jit does not list is_scripting in __all__, and TorchScript misreads a "type:" comment on its line.
# mypy: disable-error-code="attr-defined"
from __future__ import annotations

import torch
from torch import Tensor

from kalakan.errors import AudioError, ConfigError
from kalakan.ops.dispatch import Op
from kalakan.ops.griffin_lim import cuda, reference, rust, triton

GRIFFIN_LIM = Op(
    "griffin_lim", (cuda.IMPLEMENTATION, triton.IMPLEMENTATION, rust.IMPLEMENTATION, reference.IMPLEMENTATION)
)


def griffin_lim(
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int = 32,
    momentum: float = 0.99,
    seed: int | None = 0,
) -> Tensor:
    """Audio [B, T * hop_length] whose spectrum has the magnitudes [B, F, T], F = n_fft // 2 + 1.

    Framing as in `kalakan.audio.stft`. Fast Griffin-Lim (see `reference`); `seed` (32 bits) selects the initial
    phase, the same for every item and every implementation, and None starts each frame as a pulse.
    Implementations agree to float32 rounding after a few iterations; later the rounding errors grow, and they
    agree in quality.
    Raises `ImplementationUnavailable` when a requested implementation does not support the call, `ConfigError`
    or `AudioError` for sizes or values out of range.
    """
    if torch.jit.is_scripting():
        return reference.griffin_lim(magnitude, n_fft, win_length, hop_length, n_iter, momentum, seed)
    _check(magnitude, n_fft, win_length, hop_length, momentum, seed)
    arguments = (magnitude, n_fft, win_length, hop_length, n_iter, momentum, seed)
    return GRIFFIN_LIM.choose(*arguments)(*arguments)


def _check(
    magnitude: Tensor, n_fft: int, win_length: int, hop_length: int, momentum: float, seed: int | None
) -> None:
    bins = n_fft // 2 + 1
    if magnitude.dim() != 3 or magnitude.size(1) != bins or magnitude.size(2) == 0:
        raise AudioError(
            f"magnitude has shape {list(magnitude.shape)}; it must be [B, {bins}, T] with T >= 1"
        )
    if not 0 < hop_length < win_length <= n_fft or (n_fft - hop_length) % 2:
        raise ConfigError(
            f"hop_length is {hop_length}, win_length {win_length}, n_fft {n_fft}; they must grow in this order, "
            "win_length at most n_fft, and n_fft - hop_length must be even"
        )
    if not 0 <= momentum < 1:
        raise ConfigError(f"momentum is {momentum}; it must be in [0, 1)")
    if seed is not None and not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed}; it must be from 0 to {2**32 - 1}")
