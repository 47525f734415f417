"""Griffin-Lim in plain torch: the reference implementation, and the one that scripted and compiled models run.

N. Perraudin, P. Balazs, P. Sondergaard, "A fast Griffin-Lim algorithm", WASPAA 2013, algorithm 2. Only the phase of
`c[n] + a (c[n] - c[n-1])` is used, so it is computed as `c[n] - a / (1 + a) c[n-1]`, the same direction.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import fold, pad

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
    """Audio [B, T * hop_length] for magnitudes [B, F, T]; any device, float32 or float64, differentiable."""
    window = torch.hann_window(win_length, dtype=magnitude.dtype, device=magnitude.device)
    phase = pulse_phase(magnitude) if seed is None else initial_phase(seed, magnitude)
    audio = inverse(magnitude * phase, window, n_fft, hop_length)
    previous = torch.zeros_like(magnitude * phase)
    for _ in range(n_iter):
        rebuilt = forward(audio, window, n_fft, hop_length)
        direction = rebuilt - previous * (momentum / (1.0 + momentum))
        previous = rebuilt
        audio = inverse(magnitude * (direction / (direction.abs() + 1e-16)), window, n_fft, hop_length)
    return audio


def forward(audio: Tensor, window: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Spectrum [B, F, T] of audio [B, T * hop_length]."""
    padding = (n_fft - hop_length) // 2
    padded = pad(audio, [padding, padding])
    size = window.size(0)
    return torch.stft(padded, n_fft, hop_length, size, window, center=False, return_complex=True)


def inverse(spectrum: Tensor, window: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Audio [B, T * hop_length] of a spectrum [B, F, T]; Griffin and Lim (1984), equation 6.

    `torch.istft` rejects windows that start at zero unless `center` is set.
    """
    left = (n_fft - window.size(0)) // 2
    window = pad(window, [left, n_fft - window.size(0) - left])[None, :, None]  # [1, n_fft, 1]
    frames = torch.fft.irfft(spectrum, n_fft, dim=1) * window  # [B, n_fft, T]
    count = spectrum.size(2)
    samples = count * hop_length
    padding = (n_fft - hop_length) // 2
    size, kernel, stride = (1, samples + 2 * padding), (1, n_fft), (1, hop_length)
    audio = fold(frames, size, kernel, stride=stride)
    weight = fold((window * window).expand(1, n_fft, count), size, kernel, stride=stride)
    inside = audio.narrow(3, padding, samples) / weight.narrow(3, padding, samples)  # [B, 1, 1, S]
    return inside.reshape(spectrum.size(0), samples)


def pulse_phase(magnitude: Tensor) -> Tensor:
    """Phasors [F, 1] of a pulse at the center of a frame; at phase zero it would lie where the window is 0."""
    odd = torch.arange(magnitude.size(1), device=magnitude.device)[:, None] % 2
    return (1.0 - 2.0 * odd.to(magnitude.dtype)).to((magnitude[0, 0, 0] * 1j).dtype)


def initial_phase(seed: int, magnitude: Tensor) -> Tensor:
    """Unit phasors [F, T], a pure function of seed, bin and frame: the integers of the Rust crate's `phase.rs`."""
    bins, frames = magnitude.size(1), magnitude.size(2)
    index = torch.arange(frames * bins, device=magnitude.device).view(frames, bins).t()
    offset = _mix(torch.full([1], seed, dtype=torch.int64, device=magnitude.device))
    level = _mix((index + offset) & 0xFFFFFFFF) >> 22  # 1024 levels
    angle = level.to(torch.float64) * (2.0 * math.pi / 1024.0)
    return torch.polar(torch.ones_like(angle), angle).to((magnitude[0, 0, 0] * 1j).dtype)


def _mix(x: Tensor) -> Tensor:
    """The 32-bit hash `lowbias32` in 64-bit integers (C. Wellons, "Prospecting for hash functions", 2018)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def _serves() -> str | None:
    return None


def _accepts(*_: object) -> str | None:
    return None


IMPLEMENTATION = Implementation("torch", griffin_lim, _serves, _accepts)
