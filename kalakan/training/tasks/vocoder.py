"""Training of the source-filter vocoder on recordings with known F0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.audio.harmonic_noise import NOISE_SIZE
from kalakan.audio.mel_torch import LogMel
from kalakan.config.schema import HarmonicNoiseConfig, Settings
from kalakan.data.collate import Batch
from kalakan.data.segments import SegmentDataset, segment_splits, stack
from kalakan.errors import ConfigError
from kalakan.models.vocoders.discriminators.resolution import ResolutionDiscriminator
from kalakan.models.vocoders.harmonic_noise import LOG_F0_CENTRE, LOG_F0_SPREAD, HarmonicNoise
from kalakan.training.losses.adversarial import discriminator_loss, feature_loss, generator_loss
from kalakan.training.losses.spectral import RESOLUTIONS, Views, energy_distance
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.pictures import draw_utterance

STATISTICS_RECORDINGS = 200
"""Recordings used to estimate the mel's mean and standard deviation."""


class VocoderTask:
    """Task of `harmonic_noise`: energy distance of spectra, F0 estimated from the mel, and, where
    `adversarial.weight` is above 0, a spectrogram discriminator."""

    product_modules: tuple[str, ...] = ("vocoder",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings
        _check_length(settings)
        self.views = Views(settings.audio)
        self.log_mel = LogMel(settings.audio)
        self._train: SegmentDataset | None = None

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Random segments of the training split; longer, fixed ones of the validation split."""
        self._train, validation = segment_splits(folder, features, self.settings, f0=True)
        return self._train, validation

    def build(self, settings: Settings) -> nn.ModuleDict:
        """A vocoder normalized by the training split's mel statistics."""
        assert self._train is not None, "datasets() comes before build()"
        model = HarmonicNoise(cast(HarmonicNoiseConfig, settings.model), settings.audio)
        count = len(self._train.utterances)
        chosen = range(0, count, max(1, count // STATISTICS_RECORDINGS))
        mel = np.concatenate([self._train.mel(index) for index in chosen], axis=1).astype(np.float64)
        model.mel_mean.copy_(torch.from_numpy(mel.mean(axis=1)))
        model.mel_std.copy_(torch.from_numpy(np.maximum(mel.std(axis=1), 0.1)))
        if not settings.adversarial.weight:
            return nn.ModuleDict({"vocoder": model})
        return nn.ModuleDict(
            {"discriminator": ResolutionDiscriminator(settings.adversarial.channels), "vocoder": model}
        )

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Stacks segments, which are equally long."""
        return stack(items)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """The discriminator's phase, if there is one; then energy distance, F0 head, and adversarial losses."""
        size = batch["mel"].shape[0]
        chance = torch.rand(2 * size, device=batch["mel"].device)
        losses, heard, made = self._losses(cast(HarmonicNoise, modules["vocoder"]), batch, chance)
        losses.pop("distance")
        if "discriminator" not in modules:
            yield Phase("vocoder", losses)
            return
        judge, options = modules["discriminator"], self.settings.adversarial
        judge.requires_grad_(True)
        yield Phase("discriminator", {"judged": discriminator_loss(judge(heard), judge(made.detach()))})
        if step >= options.start_step:
            judge.requires_grad_(False)
            opinion = judge(made)
            with torch.no_grad():
                wanted = judge(heard)
            losses["adversarial"] = options.weight * generator_loss(opinion)
            losses["features"] = options.feature_weight * feature_loss(wanted, opinion)
        yield Phase("vocoder", losses)

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Empty: segments are equally long, so that every loss is a mean over them."""
        return {}

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Losses, plain distance, mel L1 of copy synthesis, and errors of the F0 head."""
        model = cast(HarmonicNoise, modules["vocoder"])
        size = batch["mel"].shape[0]
        chance = torch.linspace(0.0, 1.0, 2 * size + 1, device=batch["mel"].device)[:-1]
        losses, _, _ = self._losses(model, batch, chance)
        scores = {name: float(value) for name, value in losses.items()}
        self.log_mel.to(batch["mel"].device)
        copied = self.log_mel(model.inference(batch["mel"], batch["f0"]))
        scores["mel_l1"] = float((copied - self.log_mel(batch["audio"])).abs().mean())
        heard = model.heard_f0(batch["mel"], torch.ones_like(batch["f0"])[:, :, None])
        both = (heard > 0) & (batch["f0"] > 0)
        scores["voicing_error"] = float(((heard > 0) != (batch["f0"] > 0)).float().mean())
        ratio = torch.log2(heard[both] / batch["f0"][both])
        scores["f0_semitones"] = float(12.0 * ratio.abs().mean()) if bool(both.any()) else 0.0
        scores["score"] = sum(float(losses[name]) for name in ("log", "linear", "mel"))
        return scores

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots the mels of two recordings and of their copy synthesis, with given and estimated F0."""
        model = cast(HarmonicNoise, modules["vocoder"])
        with torch.no_grad():
            copied = self.log_mel.to(batch["mel"].device)(model.inference(batch["mel"], batch["f0"]))
            heard = model.heard_f0(batch["mel"], torch.ones_like(batch["f0"])[:, :, None])
        paths = []
        for row in range(min(2, len(copied))):
            path = folder / f"step-{step:07d}-{row}.png"
            arrays = (batch["mel"][row], copied[row], batch["f0"][row], heard[row])
            draw_utterance(path, *(value.float().cpu().numpy() for value in arrays))
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Copy synthesis of the first two recordings."""
        with torch.no_grad():
            copies = cast(HarmonicNoise, modules["vocoder"]).inference(batch["mel"][:2], batch["f0"][:2])
        return list(copies.float().cpu().numpy())

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes and returns `folder/vocoder_model.pt`."""
        from kalakan.voices.save import save_vocoder_product

        model = cast(HarmonicNoise, modules["vocoder"])
        return save_vocoder_product(folder, self.model_type, model, self.settings.audio)

    def _losses(
        self, model: HarmonicNoise, batch: Batch, chance: Tensor
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses of two outputs per segment; also the recording [B, S] and the first output [B, S] that they compare.

        `chance` [2 B] in [0, 1) seeds noise and pulse phase of the outputs.
        """
        mel, f0, audio = batch["mel"], batch["f0"], batch["audio"]
        mask = torch.ones_like(f0)[:, :, None]
        filters = model.filters(mel, f0, mask)
        heard = model.f0_head(model.normalize(mel), mask).float()
        with torch.autocast(mel.device.type, enabled=False):
            made = model.synthesis(
                *(value.float().repeat(2, 1, 1) for value in filters),
                f0.repeat(2, 1),
                mask[:, :, 0].repeat(2, 1),
                chance,
                ((chance * 7919.0).frac() * NOISE_SIZE).long(),
            )
            edge = self.settings.audio.hop_length  # the first and the last frame lack their neighbors
            recorded = audio[:, edge:-edge]
            first, second = made[:, edge:-edge].chunk(2)
            losses = energy_distance(self.views.to(mel.device), recorded, first, second)
        voiced = (f0 > 0).float()
        wanted = (torch.log(f0.clamp(min=1.0)) - LOG_F0_CENTRE) / LOG_F0_SPREAD
        error = F.smooth_l1_loss(heard[:, :, 0], wanted, reduction="none", beta=0.1) * voiced
        losses["f0"] = 0.2 * error.sum() / voiced.sum().clamp(min=1.0)
        losses["voicing"] = 0.2 * F.binary_cross_entropy_with_logits(heard[:, :, 1], voiced)
        return losses, recorded, first


def _check_length(settings: Settings) -> None:
    """A segment without its outer frames must fill the longest FFT of the losses."""
    needed = RESOLUTIONS[0][0] // settings.audio.hop_length + 3
    for name in ("frames", "validation_frames"):
        found = getattr(settings.segments, name)
        if found < needed:
            raise ConfigError(
                f"segments.{name} is {found}; it must be at least {needed} for the loss to fit in"
            )
