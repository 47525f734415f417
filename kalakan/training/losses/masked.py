"""Losses over padded batches: every mean is over unpadded positions only."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values where the mask (broadcastable, 0 or 1) is 1."""
    mask = mask.expand_as(values)
    return (values * mask).sum() / mask.sum().clamp(min=1.0)


def masked_l1(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error over the mask."""
    return masked_mean((prediction.float() - target).abs(), mask)


def masked_mse(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over the mask."""
    return masked_mean((prediction.float() - target).square(), mask)


def masked_bce(logits: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits over the mask."""
    return masked_mean(F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none"), mask)


def variation_l1(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """L1 between the frame-to-frame changes of two mels [B, M, T], mask [B, 1, T]: discourages blurred transitions."""
    return masked_l1(torch.diff(prediction.float(), dim=2), torch.diff(target, dim=2), frame_pairs(mask))


def frame_pairs(mask: Tensor) -> Tensor:
    """Mask [B, 1, T - 1] of the pairs of neighboring frames in a mask [B, 1, T]."""
    return mask[:, :, 1:] * mask[:, :, :-1]
