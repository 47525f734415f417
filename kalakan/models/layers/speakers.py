"""Rows of tables by speaker, and mixes of them."""

import torch
from torch import Tensor


def by_speaker(table: Tensor, speaker: Tensor) -> Tensor:
    """Rows [B] or [B, C] of a speaker table [S] or [S, C]: for ids [B], or weighted means for weights [B, S] that sum
    to 1.

    A weight of 1 gives exactly the bits of the row.
    """
    if speaker.dim() == 1:
        return table[speaker]
    weights = speaker.to(table.dtype)
    if table.dim() == 1:
        return (weights * table[None]).sum(1)
    return (weights[:, :, None] * table[None]).sum(1)


def one_hot(speaker: Tensor, count: int) -> Tensor:
    """Weights [B, S] for the ids [B] of `count` speakers; zeros for an unknown id."""
    return (speaker[:, None] == torch.arange(count, device=speaker.device)[None]).to(torch.float32)
