"""HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646): log-mel to waveform by transposed convolutions.

As in the paper, section 2.2 and appendix A.1, except for the upsampling rates, which follow the hop length of the
mel.
"""

import torch
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, HifiGanConfig
from kalakan.models.vocoders.generator import Generator
from kalakan.models.vocoders.gpu.residual_fusion import Fusion
from kalakan.models.vocoders.upsampling import same_conv

SLOPE = 0.1
"""Negative slope of every leaky ReLU."""


class ResidualBlock(nn.Module):
    """Dilated convolutions, each with a residual connection; with `pairs` a plain one follows each dilated one."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], pairs: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for dilation in dilations:
            layer = [nn.LeakyReLU(SLOPE), same_conv(channels, channels, kernel, dilation)]
            if pairs:
                layer += [nn.LeakyReLU(SLOPE), same_conv(channels, channels, kernel)]
            self.layers.append(nn.Sequential(*layer))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        for layer in self.layers:
            x = x + layer(x)
        return x

    def convolutions(self) -> list[list[nn.Conv1d]]:
        """The convolutions of each layer."""
        return [[part for part in layer.modules() if isinstance(part, nn.Conv1d)] for layer in self.layers]


class ReceptiveFieldFusion(nn.Module):
    """Mean of residual blocks with different kernels (the paper's multi-receptive field fusion)."""

    def __init__(self, channels: int, config: HifiGanConfig) -> None:
        super().__init__()
        sizes = zip(config.residual_kernels, config.residual_dilations, strict=True)
        self.blocks = nn.ModuleList(
            [ResidualBlock(channels, kernel, dilations, config.residual_pairs) for kernel, dilations in sizes]
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        total = torch.zeros_like(x)
        for block in self.blocks:
            total = total + block(x)
        return total / len(self.blocks)

    def channels_last(self, dtype: torch.dtype) -> Fusion:
        """See `kalakan.models.vocoders.gpu.channels_last`."""
        blocks = [block.convolutions() for block in self.blocks]  # type: ignore[operator]
        return Fusion.of(blocks, dtype, SLOPE)


class HifiGan(Generator):
    """Log-mel [B, M, T] to waveform [B, T * hop_length]; implements `kalakan.models.interfaces.Vocoder`."""

    def __init__(self, config: HifiGanConfig, audio: AudioConfig) -> None:
        sizes = zip(config.residual_kernels, config.residual_dilations, strict=True)
        reach = max(
            kernel // 2 * (sum(dilations) + len(dilations) * config.residual_pairs)
            for kernel, dilations in sizes
        )
        super().__init__(
            config, audio, SLOPE, lambda channels: [ReceptiveFieldFusion(channels, config)], reach
        )
        self.config = config
        for module in (*self.stages.modules(), self.project_out):
            if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
                nn.init.normal_(module.weight, std=0.01)
