"""Least-squares adversarial losses over several discriminators (X. Mao et al., "Least squares GAN", arXiv 1611.04076),
and feature matching (A. Larsen et al., arXiv 1512.09300), as HiFi-GAN uses them (J. Kong et al. 2020, section 2.4); and
the hinge losses (J. Lim and J. Ye, "Geometric GAN", arXiv 1705.02894) of MelGAN.

`Judgement` is what a discriminator returns: for each of its sub-discriminators the scores and the layer features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Judgement = Sequence[tuple[Tensor, Sequence[Tensor]]]


def discriminator_loss(recorded: Judgement, made: Judgement) -> Tensor:
    """Mean over the sub-discriminators of (1 - D(x))^2 + D(y)^2: recordings should score 1, generated audio 0."""
    losses = [
        (1.0 - real.float()).square().mean() + fake.float().square().mean()
        for (real, _), (fake, _) in zip(recorded, made, strict=True)
    ]
    return torch.stack(losses).mean()


def generator_loss(made: Judgement) -> Tensor:
    """Mean over the sub-discriminators of (1 - D(y))^2: generated audio should score 1."""
    return torch.stack([(1.0 - fake.float()).square().mean() for fake, _ in made]).mean()


def hinge_discriminator_loss(recorded: Judgement, made: Judgement) -> Tensor:
    """Mean over the sub-discriminators of max(0, 1 - D(x)) + max(0, 1 + D(y)) (K. Kumar et al. 2019, equation 1)."""
    losses = [
        (1.0 - real.float()).relu().mean() + (1.0 + fake.float()).relu().mean()
        for (real, _), (fake, _) in zip(recorded, made, strict=True)
    ]
    return torch.stack(losses).mean()


def hinge_generator_loss(made: Judgement) -> Tensor:
    """Mean over the sub-discriminators of -D(y) (K. Kumar et al. 2019, equation 2)."""
    return torch.stack([-fake.float().mean() for fake, _ in made]).mean()


def feature_loss(recorded: Judgement, made: Judgement) -> Tensor:
    """Feature matching: mean L1 distance of real and generated features over all layers of all sub-discriminators."""
    losses = [
        (real.float() - fake.float()).abs().mean()
        for (_, reals), (_, fakes) in zip(recorded, made, strict=True)
        for real, fake in zip(reals, fakes, strict=True)
    ]
    return torch.stack(losses).mean()
