"""HiFi-GAN's discriminator (Kong et al. 2020, https://arxiv.org/abs/2010.05646, section 2.3): periods and scales."""

from __future__ import annotations

from torch import Tensor, nn

from kalakan.models.vocoders.discriminators.period import PeriodDiscriminator
from kalakan.models.vocoders.discriminators.scale import hifigan_scale_discriminator


class HifiGanDiscriminator(nn.Module):
    """The multi-period and the multi-scale discriminator side by side; the paper's width is 32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.periods = PeriodDiscriminator(width)
        self.scales = hifigan_scale_discriminator(width)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each of the eight judges for audio [B, S]."""
        verdicts: list[tuple[Tensor, list[Tensor]]] = self.periods(audio)
        return verdicts + self.scales(audio)
