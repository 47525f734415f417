"""Masks and length regulation: what makes a sentence in a batch equal the sentence alone."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True where position < length: [B] and a size to bool [B, size]."""
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


def frame_owners(durations: Tensor) -> tuple[Tensor, Tensor]:
    """Which phoneme speaks in each frame.

    Durations [B, N] in frames (int64) to owner index [B, T] (int64, clamped to N - 1 past the end) and frame
    counts [B]; T is the longest count. A phoneme of zero frames owns none.
    """
    ends = torch.cumsum(durations, dim=1)
    counts = ends[:, -1]
    frames = torch.arange(counts.max(), device=durations.device)  # type: ignore[call-overload]
    owners = (frames[None, :, None] >= ends[:, None, :]).sum(dim=2)
    return torch.clamp(owners, max=durations.shape[1] - 1), counts


def gather_frames(values: Tensor, owners: Tensor) -> Tensor:
    """Values of phonemes [B, N, C] repeated over the frames they own: [B, T, C]."""
    return torch.gather(values, 1, owners[:, :, None].expand(-1, -1, values.shape[2]))


def frame_positions(durations: Tensor, owners: Tensor) -> Tensor:
    """Where each frame lies inside its phoneme: [B, T, 3] with the position in (0, 1), its square and
    the logarithm of the phoneme's frames."""
    ends = torch.cumsum(durations, dim=1)
    starts = torch.gather(ends - durations, 1, owners)
    counts = torch.clamp(torch.gather(durations, 1, owners), min=1)
    frames = torch.arange(owners.shape[1], device=durations.device)[None, :]
    position = (frames - starts + 0.5) / counts
    position = torch.clamp(position, 0.0, 1.0)
    return torch.stack([position, position * position, torch.log(counts.to(position.dtype))], dim=2)
