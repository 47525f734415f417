"""Masks and length regulation: with them a sentence in a batch equals the sentence alone."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True where position < length: [B] and a size to bool [B, size]."""
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


def frame_owners(durations: Tensor) -> tuple[Tensor, Tensor]:
    """The phoneme that each frame belongs to.

    Durations [B, N] in frames (int64) to owner index [B, T] (int64, clamped to N - 1 past the end) and frame
    counts [B]; T is the longest count. A phoneme of zero duration owns no frame.
    """
    ends = torch.cumsum(durations, dim=1)
    counts = ends[:, -1]
    frames = torch.arange(counts.max(), device=durations.device)  # type: ignore[call-overload]
    owners = (frames[None, :, None] >= ends[:, None, :]).sum(dim=2)
    return torch.clamp(owners, max=durations.shape[1] - 1), counts


def gather_frames(values: Tensor, owners: Tensor) -> Tensor:
    """Values of phonemes [B, N, C] repeated over their frames: [B, T, C]."""
    return torch.gather(values, 1, owners[:, :, None].expand(-1, -1, values.shape[2]))


def frame_positions(durations: Tensor, owners: Tensor) -> Tensor:
    """Position of each frame inside its phoneme: [B, T, 3] with the position in (0, 1), its square and
    the logarithm of the phoneme's frames."""
    distances = frame_distances(durations, owners)
    position = position_between(distances)
    counts = (distances.sum(2) + 1).to(position.dtype)
    return torch.stack([position, position * position, torch.log(counts)], dim=2)


def frame_distances(durations: Tensor, owners: Tensor) -> Tensor:
    """Whole frames between each frame and the first and the last frame of its phoneme [B, T, 2], int64; at least 0."""
    ends = torch.gather(torch.cumsum(durations, dim=1), 1, owners)
    starts = ends - torch.gather(durations, 1, owners)
    frames = torch.arange(owners.shape[1], device=durations.device)[None, :]
    return torch.clamp(torch.stack([frames - starts, ends - 1 - frames], dim=2), min=0)


def position_between(distances: Tensor) -> Tensor:
    """Position in (0, 1) [B, T] of the middle of a frame inside its phoneme, from `frame_distances`."""
    return (distances[:, :, 0] + 0.5) / (distances.sum(2) + 1)


def move_together(values: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Compacts the kept `values` [B, N, C] in order, without gaps, followed by zeros [B, N, C]. Also returns the new
    index [B, N] of each kept value, and for other values the index of the last kept value before. `kept` [B, N] is
    boolean."""
    size = values.shape[1]
    ranks = torch.cumsum(kept.to(torch.int64), dim=1) - 1
    target = torch.where(kept, ranks, torch.full_like(ranks, size))  # the others are dropped past the end
    index = target[:, :, None].expand(-1, -1, values.shape[2])
    room = torch.zeros_like(torch.cat([values, values[:, :1]], dim=1))
    return room.scatter(1, index, values)[:, :size], torch.clamp(ranks, min=0)
