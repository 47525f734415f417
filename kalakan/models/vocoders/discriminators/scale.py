"""Multi-scale discriminators: MelGAN's, and HiFi-GAN's wider one."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.models.layers.weight_norm import with_weight_norm

SCALES = 3
"""Number of discriminators; each except the first runs at half the sample rate of the previous one."""


class Layer(NamedTuple):
    """One convolution over time."""

    outputs: int
    """Channels out."""
    kernel: int
    """Odd."""
    stride: int
    """Stride in samples."""
    groups: int
    """Groups of channels that are convolved separately."""


def melgan_layers(width: int) -> list[Layer]:
    """Kumar et al. 2019 (https://arxiv.org/abs/1910.06711), appendix A.1, where the width is 16."""
    layers = [Layer(width, 15, 1, 1)]
    for factor in (4, 16, 64, 64):
        layers.append(Layer(factor * width, 41, 4, layers[-1].outputs // 4))
    return [*layers, Layer(64 * width, 5, 1, 1)]


def hifigan_layers(width: int) -> list[Layer]:
    """Kong et al. 2020 (https://arxiv.org/abs/2010.05646), section 2.3; the first layer has four times `width`."""
    sizes = ((15, 1, 1), (41, 2, 4), (41, 2, 16), (41, 4, 16), (41, 4, 16), (41, 1, 16), (5, 1, 1))
    factors = (4, 4, 8, 16, 32, 32, 32)
    return [Layer(factor * width, *size) for factor, size in zip(factors, sizes, strict=True)]


class ScaleJudge(nn.Module):
    """Strided, grouped convolutions over the waveform."""

    def __init__(self, layers: list[Layer], slope: float) -> None:
        super().__init__()
        self.slope = slope
        inputs = [1, *(layer.outputs for layer in layers)]
        self.convs = nn.ModuleList(
            [
                nn.Conv1d(
                    before, layer.outputs, layer.kernel, layer.stride, layer.kernel // 2, groups=layer.groups
                )
                for before, layer in zip(inputs, layers, strict=False)
            ]
        )
        self.out = nn.Conv1d(inputs[-1], 1, 3, padding=1)

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores [B, 1, S'] of audio [B, 1, S], and the feature maps of all layers."""
        x = audio
        features: list[Tensor] = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), self.slope)
            features.append(x)
        return self.out(x), features


class ScaleDiscriminator(nn.Module):
    """`SCALES` discriminators, each on the signal smoothed and downsampled by 2 once more."""

    def __init__(self, judges: list[ScaleJudge]) -> None:
        super().__init__()
        self.judges = nn.ModuleList(judges)
        self.halve = nn.AvgPool1d(4, 2, padding=1, count_include_pad=False)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each discriminator for audio [B, S]."""
        x = audio[:, None]
        verdicts: list[tuple[Tensor, list[Tensor]]] = []
        for judge in self.judges:
            verdicts.append(judge(x))
            x = self.halve(x)
        return verdicts


def melgan_discriminator(width: int) -> ScaleDiscriminator:
    """MelGAN's, whose width is 16."""
    return ScaleDiscriminator(
        [with_weight_norm(ScaleJudge(melgan_layers(width), 0.2)) for _ in range(SCALES)]
    )


def hifigan_scale_discriminator(width: int) -> ScaleDiscriminator:
    """HiFi-GAN's, whose width is 32: spectral norm in the full-rate discriminator, weight norm in the others."""
    judges = [ScaleJudge(hifigan_layers(width), 0.1) for _ in range(SCALES)]
    for part in list(judges[0].modules()):
        if isinstance(part, nn.Conv1d):
            nn.utils.parametrizations.spectral_norm(part)
    return ScaleDiscriminator([judges[0], *(with_weight_norm(judge) for judge in judges[1:])])
