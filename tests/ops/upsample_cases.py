"""Shapes and values that every implementation of `upsample` is held to, and its value in float64 by plain loops."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

STAGES = [
    # (C_in, C_out, K, stride, padding, output_padding)
    (8, 4, 16, 8, 4, 0),  # HiFi-GAN: K = 2 * stride
    (5, 3, 10, 5, 3, 1),  # MelGAN: odd strides
    (7, 9, 4, 2, 1, 0),
    (3, 2, 7, 3, 0, 2),  # K is no multiple of the stride
    (2, 3, 2, 3, 0, 0),  # gaps between the taps
    (1, 1, 1, 1, 0, 0),
]
Stage = tuple[int, int, int, int, int, int]


def case(stage: Stage, batch: int, frames: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random x, weight, bias and residual, rounded to `dtype`."""
    c_in, c_out, kernel, stride, padding, output_padding = stage
    generator = torch.Generator().manual_seed(frames)
    length = (frames - 1) * stride - 2 * padding + kernel + output_padding
    shapes = {
        "x": (batch, c_in, frames),
        "weight": (c_in, c_out, kernel),
        "bias": (c_out,),
        "residual": (batch, c_out, max(length, 0)),
    }
    return {name: torch.randn(shape, generator=generator).to(dtype) for name, shape in shapes.items()}


def exact(
    x: Tensor, weight: Tensor, bias: Tensor | None, stage: Stage, slope: float, residual: Tensor | None
) -> np.ndarray:
    """The op by its definition, tap by tap, in float64."""
    _, c_out, kernel, stride, padding, output_padding = stage
    signal = x.double().numpy()
    signal = np.where(signal > 0, signal, slope * signal)
    frames = signal.shape[2]
    full = np.zeros((len(signal), c_out, (frames - 1) * stride + kernel + output_padding))
    for k in range(kernel):
        taps = np.einsum("bit,io->bot", signal, weight[:, :, k].double().numpy())
        full[:, :, k : k + (frames - 1) * stride + 1 : stride] += taps
    out = full[:, :, padding : full.shape[2] - padding]
    out = out if bias is None else out + bias.double().numpy()[:, None]
    return out if residual is None else out + residual.double().numpy()


def distance(got: Tensor, wanted: np.ndarray) -> float:
    """|got - wanted| / |wanted|; infinite where a value is not finite."""
    values = got.detach().double().cpu().numpy()
    assert values.shape == wanted.shape
    if not np.isfinite(values).all():
        return float("inf")
    return float(np.linalg.norm(values - wanted) / max(float(np.linalg.norm(wanted)), 1e-30))
