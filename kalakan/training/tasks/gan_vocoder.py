"""Adversarial training of HiFi-GAN and MelGAN on random segments of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.audio.mel_torch import LogMel
from kalakan.config.schema import HifiGanConfig, MelGanConfig, Settings
from kalakan.data.collate import Batch
from kalakan.data.segments import segment_splits, stack
from kalakan.models import registry
from kalakan.models.layers.weight_norm import fold_into, with_weight_norm
from kalakan.models.vocoders.discriminators.hifigan import HifiGanDiscriminator
from kalakan.models.vocoders.discriminators.scale import melgan_discriminator
from kalakan.training.losses.adversarial import (
    Judgement,
    discriminator_loss,
    feature_loss,
    generator_loss,
    hinge_discriminator_loss,
    hinge_generator_loss,
)
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.pictures import draw_copy

MEL_WEIGHT = 45.0
"""Weight of HiFi-GAN's mel L1 loss (Kong et al. 2020, section 2.4)."""


@dataclass(frozen=True)
class AdversarialObjective:
    """Losses of generator and discriminator. As in the papers, they are sums over sub-discriminators and layers."""

    discriminator: nn.Module
    """Maps audio [B, S] to a `Judgement`."""
    discriminator_loss: Callable[[Judgement, Judgement], Tensor]
    """Function of its outputs for recordings and generated audio; a mean over the sub-discriminators."""
    generator_loss: Callable[[Judgement], Tensor]
    """Function of its outputs for generated audio; a mean over the sub-discriminators."""
    feature_weight: float
    """Weight of the feature matching loss."""
    mel_weight: float
    """Weight of the mel L1 loss; 0 disables it."""


def objective_of(config: object) -> AdversarialObjective:
    """The objective of a HiFi-GAN (Kong et al. 2020, section 2.4) or a MelGAN (Kumar et al. 2019, section 2.3)."""
    if isinstance(config, HifiGanConfig):
        judge: nn.Module = HifiGanDiscriminator(config.discriminator_width)
        return AdversarialObjective(judge, discriminator_loss, generator_loss, 2.0, MEL_WEIGHT)
    assert isinstance(config, MelGanConfig), "the registry gives this task to these two"
    judge = melgan_discriminator(config.discriminator_width)
    return AdversarialObjective(
        judge, hinge_discriminator_loss, hinge_generator_loss, 10.0, config.mel_weight
    )


class GanVocoderTask:
    """Task of an adversarially trained vocoder: two phases per step, the discriminator's first."""

    product_modules: tuple[str, ...] = ("vocoder",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings
        self.objective = objective_of(settings.model)
        self.log_mel = LogMel(settings.audio)
        # The loss covers all bands, the generator's input may end lower (Kong et al. 2020, section 3.1).
        self.full_mel = LogMel(replace(settings.audio, mel_fmax=settings.audio.sample_rate / 2))

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Random segments of the training split; longer, fixed ones of the validation split."""
        return segment_splits(folder, features, self.settings, f0=False)

    def build(self, settings: Settings) -> nn.ModuleDict:
        """A weight-normalized vocoder and its discriminator."""
        vocoder = registry.create_vocoder(self.model_type, settings.audio, config=settings.model)
        self.objective = objective_of(settings.model)
        return nn.ModuleDict(
            {"discriminator": self.objective.discriminator, "vocoder": with_weight_norm(vocoder)}
        )

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Stacks segments, which are equally long."""
        return stack(items)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """First the discriminator; then the vocoder, scored by the updated discriminator."""
        judge, recorded, made = modules["discriminator"], batch["audio"], modules["vocoder"](batch["mel"])
        judge.requires_grad_(True)
        opinions = judge(recorded), judge(made.detach())
        yield Phase(
            "discriminator", {"judged": len(opinions[0]) * self.objective.discriminator_loss(*opinions)}
        )
        judge.requires_grad_(False)
        yield Phase("vocoder", self._vocoder_losses(judge, recorded, made))

    def _vocoder_losses(self, judge: nn.Module, recorded: Tensor, made: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            wanted = judge(recorded)
        opinion = judge(made)
        layers = sum(len(features) for _, features in opinion)
        losses = {
            "adversarial": len(opinion) * self.objective.generator_loss(opinion),
            "features": self.objective.feature_weight * layers * feature_loss(wanted, opinion),
        }
        if self.objective.mel_weight:
            losses["mel"] = self.objective.mel_weight * self._mel_l1(self.full_mel, made, recorded)
        return losses

    def _mel_l1(self, log_mel: LogMel, made: Tensor, real: Tensor) -> Tensor:
        with torch.autocast(made.device.type, enabled=False):  # 16 bits are not precise enough for a spectrum
            measure = log_mel.to(made.device)
            return F.l1_loss(measure(made.float()), measure(real.float()))

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Empty: segments are equally long, so that every loss is a mean over them."""
        return {}

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Mel L1 of copy synthesis, which is the score, and feature distance."""
        made, judge = modules["vocoder"](batch["mel"]), modules["discriminator"]
        distance = feature_loss(judge(batch["audio"]), judge(made))
        mel_l1 = float(self._mel_l1(self.log_mel, made, batch["audio"]))
        return {"mel_l1": mel_l1, "features": float(distance), "score": mel_l1}

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots the mels of two recordings and of their copy synthesis."""
        with torch.no_grad():
            copied = self.log_mel.to(batch["mel"].device)(modules["vocoder"](batch["mel"]).float())
        paths = []
        for row in range(min(2, len(copied))):
            path = folder / f"step-{step:07d}-{row}.png"
            draw_copy(path, batch["mel"][row].cpu().numpy(), copied[row].cpu().numpy())
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Copy synthesis of the first two recordings."""
        with torch.no_grad():
            copies = modules["vocoder"](batch["mel"][:2])
        return list(copies.float().cpu().numpy())

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes and returns `folder/vocoder_model.pt`, with weight norm folded in."""
        from kalakan.voices.save import save_vocoder_product

        plain = registry.create_vocoder(self.model_type, self.settings.audio, config=self.settings.model)
        vocoder = fold_into(plain, modules["vocoder"])
        return save_vocoder_product(folder, self.model_type, vocoder, self.settings.audio)
