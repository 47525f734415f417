"""HiFi-GAN's discriminator (Kong et al. 2020, https://arxiv.org/abs/2010.05646, section 2.3): periods and scales."""

from __future__ import annotations

import itertools

import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.models.layers.weight_norm import with_weight_norm
from kalakan.models.vocoders.discriminators.scale import hifigan_scale_discriminator

PERIODS = (2, 3, 5, 7, 11)
"""Periods in samples: primes, so that the discriminators overlap as little as possible."""
SLOPE = 0.1
"""Negative slope of the leaky ReLU."""


class PeriodJudge(nn.Module):
    """Convolutions over every `period`-th sample: along the columns of the signal in rows of that length."""

    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        sizes = (1, width, 4 * width, 16 * width, 32 * width)
        self.convs = nn.ModuleList(
            [nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0)) for a, b in itertools.pairwise(sizes)]
        )
        self.convs.append(nn.Conv2d(sizes[-1], sizes[-1], (5, 1), padding=(2, 0)))
        self.out = nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores [B, 1, R, period] of audio [B, S], and the feature maps of all layers."""
        missing = -audio.shape[1] % self.period
        padded = F.pad(audio[:, None], [0, missing], "reflect")
        x = padded.reshape(audio.shape[0], 1, -1, self.period)
        features: list[Tensor] = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        return self.out(x), features


class PeriodDiscriminator(nn.Module):
    """One discriminator per period; see `PeriodJudge`. The paper's width is 32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList([with_weight_norm(PeriodJudge(period, width)) for period in PERIODS])

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each discriminator for audio [B, S]; S must be at least 11."""
        return [judge(audio) for judge in self.judges]


class HifiGanDiscriminator(nn.Module):
    """The multi-period and the multi-scale discriminator together; the paper's width is 32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.periods = PeriodDiscriminator(width)
        self.scales = hifigan_scale_discriminator(width)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each of the eight discriminators for audio [B, S]."""
        verdicts: list[tuple[Tensor, list[Tensor]]] = self.periods(audio)
        return verdicts + self.scales(audio)
