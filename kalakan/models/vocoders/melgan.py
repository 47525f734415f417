"""MelGAN (Kumar et al. 2019, https://arxiv.org/abs/1910.06711): log-mel to waveform, small and fast.

As in the paper, section 2.1 and table 4, except for the upsampling rates, which follow the hop length of the mel, and
zero padding in place of reflection padding in each convolution, so that a mel of a single frame works too.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, MelGanConfig
from kalakan.models.vocoders.generator import Generator
from kalakan.models.vocoders.gpu.channels_last import Convolution, bias_of
from kalakan.models.vocoders.upsampling import same_conv

SLOPE = 0.2
"""Negative slope of every leaky ReLU."""


@dataclass(frozen=True)
class ResidualLayer:
    """A `ResidualBlock` on activations [B, T, C]; see `kalakan.models.vocoders.gpu.channels_last`."""

    dilated: Convolution
    mix: Tensor
    """[C, C] as for `torch.nn.Linear`."""
    shortcut: Tensor
    """[C, C]."""
    bias: Tensor
    """Sum of both biases, [C]."""
    slope: float

    def __call__(self, x: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        hidden = F.leaky_relu_(self.dilated(F.leaky_relu(x, self.slope)), self.slope)
        mixed = F.linear(hidden, self.mix, self.bias)
        channels = x.size(2)
        mixed.view(-1, channels).addmm_(x.reshape(-1, channels), self.shortcut.t())
        return mixed


class ResidualBlock(nn.Module):
    """A dilated convolution and a pointwise one, with a pointwise shortcut (paper, figure 1)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilated = same_conv(channels, channels, 3, dilation)
        self.mix = same_conv(channels, channels, 1)
        self.shortcut = same_conv(channels, channels, 1)
        self.slope = SLOPE

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        hidden = F.leaky_relu(self.dilated(F.leaky_relu(x, self.slope)), self.slope)
        return self.shortcut(x) + self.mix(hidden)

    def channels_last(self, dtype: torch.dtype) -> ResidualLayer:
        """See `kalakan.models.vocoders.gpu.channels_last`."""
        mix, shortcut = (conv.weight.detach().squeeze(2) for conv in (self.mix, self.shortcut))
        bias = bias_of(self.mix) + bias_of(self.shortcut)
        dilated = Convolution.of(self.dilated, dtype)
        return ResidualLayer(dilated, mix.to(dtype), shortcut.to(dtype), bias.to(dtype), self.slope)


class MelGan(Generator):
    """Log-mel [B, M, T] to waveform [B, T * hop_length]; implements `kalakan.models.interfaces.Vocoder`."""

    def __init__(self, config: MelGanConfig, audio: AudioConfig) -> None:
        dilations = config.residual_dilations
        super().__init__(
            config,
            audio,
            SLOPE,
            lambda channels: [ResidualBlock(channels, dilation) for dilation in dilations],
            sum(dilations),
        )
        self.config = config
