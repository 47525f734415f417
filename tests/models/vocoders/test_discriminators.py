"""Discriminators of HiFi-GAN and MelGAN: sizes, what they return, and that every weight of them learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kalakan.config.schema import HifiGanConfig
from kalakan.errors import ConfigError
from kalakan.models.vocoders.discriminators.hifigan import PERIODS, HifiGanDiscriminator
from kalakan.models.vocoders.discriminators.scale import melgan_discriminator

torch.set_num_threads(1)


def count(model: nn.Module) -> int:
    """Parameters, those of weight norm's magnitudes left out."""
    return sum(value.numel() for name, value in model.named_parameters() if not name.endswith("original0"))


def test_widths_of_the_papers_have_their_sizes() -> None:
    """41.1 M and 29.6 M: HiFi-GAN's of Kong et al. 2020; 16.9 M: MelGAN's of Kumar et al. 2019."""
    hifigan = HifiGanDiscriminator(32)
    # The magnitude of spectral norm is a buffer, that of weight norm a parameter.
    assert count(hifigan.periods) == 41_092_165
    assert count(hifigan.scales) == pytest.approx(29.6e6, rel=0.01)
    assert count(melgan_discriminator(16)) == pytest.approx(16.9e6, rel=0.01)


@pytest.mark.parametrize("samples", [300, 601, 4800])
def test_every_judge_scores_and_shows_its_features(samples: int) -> None:
    audio = torch.randn(2, samples)
    verdicts = HifiGanDiscriminator(4)(audio)
    assert [len(features) for _, features in verdicts] == [5] * 5 + [7] * 3
    for (scores, features), period in zip(verdicts, PERIODS, strict=False):
        assert scores.shape[:2] == (2, 1) and scores.shape[3] == period
        assert features[0].shape[1] == 4 and features[-1].shape[1] == 128
    verdicts = melgan_discriminator(4)(audio)
    assert [len(features) for _, features in verdicts] == [6] * 3
    assert [scores.shape[2] for scores, _ in verdicts] == sorted(
        (scores.shape[2] for scores, _ in verdicts), reverse=True
    )


def test_every_parameter_learns() -> None:
    audio = torch.randn(2, 2000)
    for model in (HifiGanDiscriminator(4), melgan_discriminator(4)):
        torch.stack([scores.square().sum() for scores, _ in model(audio)]).sum().backward()
        for name, value in model.named_parameters():
            assert value.grad is not None and bool(value.grad.abs().sum() > 0), name


def test_a_width_that_does_not_divide_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"model.discriminator_width is 6; it must be a positive multiple of 4"
    ):
        HifiGanConfig(discriminator_width=6)
