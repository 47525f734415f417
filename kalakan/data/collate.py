"""Collates utterances into a padded batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Batch = dict[str, Tensor]


def collate(items: Sequence[Batch], mel_floor: float) -> Batch:
    """Stacks items of `TwiDataset` or `AlignmentDataset`: mel is padded with ln(mel_floor), energy with that
    of the floor, everything else with 0."""
    silence = math.log(mel_floor)
    n_mels = items[0]["mel"].shape[0]
    padding = {"mel": silence, "energy": silence + 0.5 * math.log(n_mels)}
    batch: Batch = {}
    for key, value in items[0].items():
        if value.dim() == 0:
            batch[key] = torch.stack([item[key] for item in items])
            continue
        size = max(item[key].shape[-1] for item in items)
        stacked = value.new_full((len(items), *value.shape[:-1], size), padding.get(key, 0.0))
        for row, item in enumerate(items):
            stacked[row, ..., : item[key].shape[-1]] = item[key]
        batch[key] = stacked
    return batch
