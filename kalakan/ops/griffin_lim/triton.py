"""Griffin-Lim with cuFFT's transforms and Triton between them: four launches per iteration, frame-major."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kalakan.ops import extension, triton_support
from kalakan.ops.dispatch import Implementation
from kalakan.ops.griffin_lim import reference

BLOCK = 512


def griffin_lim(
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int,
    momentum: float,
    seed: int | None,
) -> Tensor:
    """Audio [B, T * hop_length] for magnitudes [B, F, T]."""
    with torch.cuda.device(magnitude.device):
        return run(magnitude, n_fft, win_length, hop_length, n_iter, momentum, seed)


def run(
    magnitude: Tensor,
    n_fft: int,
    win_length: int,
    hop_length: int,
    n_iter: int,
    momentum: float,
    seed: int | None,
) -> Tensor:
    """`griffin_lim` wherever Triton runs, its interpreter included."""
    from kalakan.ops.griffin_lim import kernels

    phase = reference.pulse_phase(magnitude) if seed is None else reference.initial_phase(seed, magnitude)
    spectrum = (magnitude * phase).transpose(1, 2).contiguous()  # [B, T, F]
    rows = magnitude.detach().transpose(1, 2).contiguous()
    items, frames, _ = rows.shape
    window, reciprocals = _tables(n_fft, win_length, hop_length, frames, magnitude.device)
    previous = torch.zeros_like(spectrum)
    framed = torch.empty(items, frames, n_fft, device=magnitude.device)
    overlap = math.ceil(n_fft / hop_length)
    for _ in range(n_iter):
        inverse = torch.fft.irfft(spectrum, n_fft)  # [B, T, n_fft]
        kernels.reframe[(items * frames, math.ceil(n_fft / BLOCK))](
            inverse, window, reciprocals, framed, frames, n_fft, hop_length, overlap, BLOCK
        )
        rebuilt = torch.fft.rfft(framed)
        kernels.project[(math.ceil(rows.numel() / BLOCK),)](
            torch.view_as_real(rebuilt), torch.view_as_real(previous), rows, torch.view_as_real(spectrum),
            rows.numel(), momentum / (1 + momentum), BLOCK,
        )  # fmt: skip
    hann = torch.hann_window(win_length, device=magnitude.device)
    return reference.inverse(spectrum.transpose(1, 2), hann, n_fft, hop_length)


def _tables(
    n_fft: int, win_length: int, hop: int, frames: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The window [n_fft], and one over the sum of its squares at each padded sample, 0 outside the signal."""
    left = (n_fft - win_length) // 2
    hann = torch.hann_window(win_length, device=device)
    window = torch.nn.functional.pad(hann, [left, n_fft - win_length - left])
    total = (frames - 1) * hop + n_fft
    columns = (window * window)[None, :, None].expand(1, n_fft, frames)
    sums = torch.nn.functional.fold(columns, (1, total), (1, n_fft), stride=(1, hop)).reshape(total)
    padding = (n_fft - hop) // 2
    reciprocals = torch.zeros_like(sums)
    inside = sums[padding : padding + frames * hop]
    reciprocals[padding : padding + frames * hop] = inside.reciprocal()
    return window, reciprocals


def _refuses(magnitude: Tensor, *_: object) -> str | None:
    if magnitude.dim() == 3 and magnitude.size(2) * 2 * (magnitude.size(1) - 1) >= 2**31 - 2**21:
        return f"{magnitude.size(2)} frames are more than the kernel counts"
    return extension.refuses(magnitude, (torch.float32,))


IMPLEMENTATION = Implementation("triton", griffin_lim, triton_support.unavailable, _refuses)
