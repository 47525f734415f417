"""The layers of a generator on activations [B, T, C], with weights folded, cast and reordered once: inference on GPUs.

A module's method `channels_last(dtype)` gives its layer. cuDNN's and our own kernels read a sample's channels
contiguously, so no layer has to transpose data for the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.ops.upsample import upsample

Layer = Callable[[Tensor], Tensor]
"""[B, T, C] to [B, T', C']; does not modify its input."""


@dataclass(frozen=True)
class Convolution:
    """`torch.nn.Conv1d` with zeros on both sides, as many samples out as in."""

    weight: Tensor
    """[C_out, C_in, 1, K], channels contiguous in memory."""
    bias: Tensor
    dilation: int

    @classmethod
    def of(cls, conv: nn.Conv1d, dtype: torch.dtype) -> Convolution:
        """The layer of a module with an odd kernel and a bias."""
        weight = conv.weight.detach().to(dtype).unsqueeze(2).contiguous(memory_format=torch.channels_last)
        return cls(weight, bias_of(conv).to(dtype), conv.dilation[0])

    def __call__(self, x: Tensor) -> Tensor:
        """[B, T, C_in] to [B, T, C_out]."""
        image = x.transpose(1, 2).unsqueeze(2)  # [B, C, 1, T]: torch supports channels_last for images only
        padding = (0, self.weight.size(3) // 2 * self.dilation)
        y = F.conv2d(image, self.weight, self.bias, 1, padding, (1, self.dilation))
        return y.squeeze(2).transpose(1, 2).contiguous()  # no copy, except on the CPU for some types


@dataclass(frozen=True)
class Upsampling:
    """Leaky ReLU and transposed convolution, by `kalakan.ops.upsample`."""

    weight: Tensor
    """[C_in, C_out, K]; the op caches its packed copy for as long as this tensor is alive."""
    bias: Tensor
    stride: int
    padding: int
    output_padding: int
    slope: float

    def __call__(self, x: Tensor) -> Tensor:
        """[B, T, C_in] to [B, T * stride, C_out]."""
        y = upsample(
            x.transpose(1, 2), self.weight, self.bias, self.stride, self.padding, self.output_padding, self.slope
        )  # fmt: skip
        return y.transpose(1, 2).contiguous()


@dataclass(frozen=True)
class Head:
    """The last convolution, from C channels to the waveform, in single precision at least.

    16 bits would round the samples themselves. A matrix product with one column per tap, whose diagonals are summed:
    cuDNN has no fast path for a single output channel, and would round the operands of float32 to 10 bits.
    """

    weight: Tensor
    """[C, K]."""
    bias: Tensor
    """[1]."""
    slope: float

    @classmethod
    def of(cls, conv: nn.Conv1d, slope: float, dtype: torch.dtype) -> Head:
        """The layer of a module with one output channel."""
        precise = at_least_single(dtype)
        return cls(conv.weight.detach().to(precise).squeeze(0), bias_of(conv).to(precise), slope)

    def __call__(self, x: Tensor) -> Tensor:
        """Activations [B, T, C] to the waveform [B, T] in [-1, 1]."""
        items, length, _ = x.shape
        kernel = self.weight.size(1)
        taps = torch.matmul(F.leaky_relu(x, self.slope).to(self.weight.dtype), self.weight)  # [B, T, K]
        padded = F.pad(taps, [0, 0, kernel // 2, kernel // 2])
        diagonals = padded.as_strided(
            (items, length, kernel), (padded.stride(0), kernel, kernel + 1)
        )  # at (t, k): tap k of sample t + k - K // 2
        return torch.tanh(diagonals.sum(2) + self.bias)


@dataclass(frozen=True)
class ChannelsLast:
    """A whole generator: log-mel [B, M, T] to waveform [B, T * hop_length]."""

    project_in: Convolution
    """In single precision at least: log-mels reach -11, where numbers of 16 bits are 0.008 apart."""
    stages: tuple[Layer, ...]
    project_out: Head
    dtype: torch.dtype
    """Type of the activations."""

    def __call__(self, mel: Tensor) -> Tensor:
        """See above; in single precision for 16-bit activations, otherwise in their own."""
        with torch.autocast(mel.device.type, enabled=False):  # all types are explicit here
            return self.project_out(self.stretch(mel))

    def stretch(self, mel: Tensor) -> Tensor:
        """Activations [B, T * hop_length, C] after the last stage."""
        with torch.autocast(mel.device.type, enabled=False):
            rows = mel.to(self.project_in.weight.dtype).transpose(1, 2).contiguous()
            x = self.project_in(rows).to(self.dtype)
            for stage in self.stages:
                x = stage(x)
        return x


def at_least_single(dtype: torch.dtype) -> torch.dtype:
    """The type itself, or float32 for one of 16 bits."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def bias_of(conv: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    """[C_out], without gradient."""
    assert conv.bias is not None, "every convolution of a generator has a bias"
    return conv.bias.detach()
