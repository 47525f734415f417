"""From frames to samples by transposed convolutions: the common parts of HiFi-GAN and MelGAN."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig
from kalakan.errors import AudioError, ConfigError
from kalakan.models.vocoders.gpu.channels_last import Upsampling, bias_of
from kalakan.ops.upsample import upsample


class Upsample(nn.Module):
    """Leaky ReLU, then a transposed convolution by `rate`, its kernel twice as long: [B, C, T] to [B, C / 2, T * rate].

    A kernel that is a multiple of the rate avoids checkerboard artifacts (Odena et al. 2016).
    """

    def __init__(self, channels: int, rate: int, slope: float) -> None:
        super().__init__()
        self.rate = rate
        self.slope = slope
        self.padding = rate // 2 + rate % 2
        self.conv = nn.ConvTranspose1d(
            channels, channels // 2, 2 * rate, rate, self.padding, output_padding=rate % 2
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to [B, C / 2, T * rate]."""
        conv = self.conv
        return upsample(x, conv.weight, conv.bias, self.rate, self.padding, self.rate % 2, self.slope)

    def channels_last(self, dtype: torch.dtype) -> Upsampling:
        """See `kalakan.models.vocoders.gpu.channels_last`."""
        weight, bias = self.conv.weight.detach().to(dtype), bias_of(self.conv).to(dtype)
        return Upsampling(weight, bias, self.rate, self.padding, self.rate % 2, self.slope)


def same_conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Conv1d:
    """A convolution with as many samples out as in; its kernel is odd."""
    return nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=dilation * (kernel // 2))


def stages_context(rates: Sequence[int], reaches: Sequence[int], ends: int) -> int:
    """Frames at each end of a window that lack their neighbors (see `kalakan.models.interfaces.Vocoder`).

    `reaches` are the one-sided receptive fields, in samples, of the blocks after each upsampling, `ends` those of the
    first and last convolution. An upsampling reaches one input sample to each side.
    """
    frames, samples_a_frame = float(ends), 1
    for rate, reach in zip(rates, reaches, strict=True):
        frames += 1 / samples_a_frame
        samples_a_frame *= rate
        frames += reach / samples_a_frame
    return math.ceil(frames + ends / samples_a_frame)


def check_rates(rates: tuple[int, ...], audio: AudioConfig) -> None:
    """Raises `ConfigError` unless the rates turn one frame into `hop_length` samples."""
    found = math.prod(rates)
    if found != audio.hop_length:
        raise ConfigError(
            f"audio.hop_length is {audio.hop_length} and model.upsample_rates, {list(rates)}, multiply to {found}; "
            "the two must agree: set both"
        )


def check_mel(mel: Tensor, n_mels: int) -> None:
    """Raises `AudioError` unless `mel` is [B, n_mels, T] with at least one frame."""
    if mel.dim() != 3 or mel.shape[1] != n_mels or mel.shape[2] < 1:
        raise AudioError(
            f"mel has shape {list(mel.shape)}; it must be [B, {n_mels}, T] with at least one frame"
        )
