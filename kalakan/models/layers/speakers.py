"""Rows of tables by speaker, and mixes of them."""

import torch
from torch import Tensor


def by_speaker(table: Tensor, speaker: Tensor) -> Tensor:
    """Rows [B] or [B, C] of a table [S] or [S, C] of speakers: of ids [B], or means by weights [B, S] that sum to 1.

    The mean by a weight of 1 has the bits of the row.
    """
    if speaker.dim() == 1:
        return table[speaker]
    weights = speaker.to(table.dtype)
    if table.dim() == 1:
        return (weights * table[None]).sum(1)
    return (weights[:, :, None] * table[None]).sum(1)


def one_hot(speaker: Tensor, count: int) -> Tensor:
    """Weights [B, S] of the ids [B] of `count` speakers; zeros for an id that is none of theirs."""
    return (speaker[:, None] == torch.arange(count, device=speaker.device)[None]).to(torch.float32)
