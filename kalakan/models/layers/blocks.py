"""Blocks shared by the acoustic models. All of them take [B, T, C] and a mask [B, T, 1] of 0 and 1."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sinusoidal_positions(size: int, width: int, like: Tensor) -> Tensor:
    """Sinusoidal position encoding [size, width] (Vaswani et al. 2017, section 3.5)."""
    half = width // 2
    steps = torch.arange(half, device=like.device, dtype=like.dtype)
    rates = torch.exp(steps * (-math.log(10_000.0) / max(half - 1, 1)))
    angles = torch.arange(size, device=like.device, dtype=like.dtype)[:, None] * rates[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


class MaskedConv1d(nn.Module):
    """A masked convolution over time; same length in and out."""

    def __init__(self, inputs: int, outputs: int, kernel: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, inputs] to [B, T, outputs]."""
        return self.conv((x * mask).transpose(1, 2)).transpose(1, 2)


class SelfAttention(nn.Module):
    """Multi-head self-attention over the unmasked positions (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        batch, size, width = x.shape
        query, key, value = (
            self.project_in(x)
            .view(batch, size, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
            .unbind(0)
        )  # each [B, heads, T, C / heads]
        scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(width // self.heads)
        scores = scores.masked_fill(mask.transpose(1, 2)[:, None] == 0, -1e4)
        mixed = torch.matmul(torch.softmax(scores, dim=-1), value)
        return self.project_out(mixed.transpose(1, 2).reshape(batch, size, width))


class TransformerBlock(nn.Module):
    """Feed-forward Transformer block of FastSpeech (Ren et al. 2019, section 3.1), pre-normalized.

    The paper normalizes after each sub-layer; pre-norm (Xiong et al. 2020) trains without a long warm-up.
    """

    def __init__(self, width: int, heads: int, inner: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.filter_norm = nn.LayerNorm(width)
        self.filter_in = MaskedConv1d(width, inner, kernel)
        self.filter_out = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        hidden = F.relu(self.filter_in(self.filter_norm(x), mask))
        return x + self.dropout(self.filter_out(hidden))


class ConvNextBlock(nn.Module):
    """ConvNeXt block in one dimension (Liu et al. 2022, figure 4): depthwise convolution, then two linear maps.

    Has no dropout: a block this narrow underfits rather than overfits.
    """

    def __init__(self, width: int, inner: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = MaskedConv1d(width, width, kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, inner)
        self.project = nn.Linear(inner, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        hidden = F.gelu(self.expand(self.norm(self.depthwise(x, mask))))
        return x + self.project(hidden)
