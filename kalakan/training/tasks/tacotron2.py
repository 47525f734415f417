"""Training of Tacotron 2 on recordings and their phonemes only: no durations, no F0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.audio.mel import mel_to_audio
from kalakan.config.schema import Settings, Tacotron2Config
from kalakan.data.collate import Batch, collate
from kalakan.data.dataset import TwiDataset
from kalakan.models.acoustic.tacotron2 import Tacotron2, Tacotron2Prediction
from kalakan.models.layers.masking import length_mask
from kalakan.training.losses.masked import masked_mean, masked_mse
from kalakan.training.tasks.acoustic import statistics_mel
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.fit_sizes import fitted
from kalakan.training.tasks.pictures import draw_attention
from kalakan.voices.save import save_acoustic_product

LOSS_WEIGHTS = {"coarse": 1.0, "mel": 1.0, "stop": 0.5}
"""The paper's losses, which it leaves unweighted."""
GUIDE_WEIGHT = 5.0
"""Initial weight of the guided attention loss: the alignment then emerges within a few hundred steps."""
LEAST_GUIDE_WEIGHT = 0.25
"""Its final weight: sentences start and end on the diagonal, but sounds differ in duration."""
GUIDE_STEPS = 1000
"""Steps over which the weight decays."""
STOP_WEIGHT = 10.0
"""Weight of the single stop step of a sentence, against hundreds of other steps."""
DIAGONAL_WIDTH = 0.2
"""Width of the diagonal within which attention is not penalized (Tachibana et al. 2018, section 4.1)."""


class Tacotron2Task:
    """Task of an acoustic model that learns its alignment with attention."""

    product_modules: tuple[str, ...] = ("acoustic",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings
        self._train: TwiDataset | None = None

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Training split with augmentation, validation split without."""
        audio, data, seed = self.settings.audio, self.settings.data, self.settings.training.seed
        shared: dict[str, Any] = {"audio": audio, "data": data, "features": features, "prosody": False}
        self._train = TwiDataset(folder, split="train", varied=True, seed=seed, **shared)
        return self._train, TwiDataset(folder, split="validation", **shared)

    def build(self, settings: Settings) -> nn.ModuleDict:
        """A model for the dataset's speakers, normalized by the dataset's mel statistics."""
        assert self._train is not None, "datasets() comes before build()"
        preset = cast(Tacotron2Config, settings.model)
        model = Tacotron2(fitted(preset, speakers=self._train.speakers, n_mels=settings.audio.n_mels))
        mel = statistics_mel(self._train)
        model.mel_mean.copy_(torch.from_numpy(mel.mean(axis=1)))
        model.mel_std.copy_(torch.from_numpy(np.maximum(mel.std(axis=1), 0.1)))
        return nn.ModuleDict({"acoustic": model})

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Collates items into one padded batch."""
        return collate(items, self.settings.audio.mel_floor)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """One phase: losses of the mel before and after the postnet, stop token, and attention."""
        _, losses = self._losses(modules, batch)
        weights = {**LOSS_WEIGHTS, "attention": guide_weight(step)}
        yield Phase("acoustic", {name: weights[name] * value for name, value in losses.items()})

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Frames or decoder steps of each loss."""
        rate = cast(Tacotron2Config, self.settings.model).frames_per_step
        frames = batch["frames"].sum()
        steps = ((batch["frames"] + rate - 1) // rate).sum()
        return {"coarse": frames, "mel": frames, "stop": steps, "attention": steps}

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Losses, mel L1, and attention sharpness: the mean of its maximum weights, at most 1."""
        prediction, losses = self._losses(modules, batch)
        mask = length_mask(batch["frames"], batch["mel"].shape[2]).float()[:, None]
        scores = {name: float(value) for name, value in losses.items()}
        scores["mel_l1"] = float(masked_mean((prediction.mel - batch["mel"]).abs(), mask))
        sharpness = prediction.alignment.amax(dim=2)
        scores["sharpness"] = float(masked_mean(sharpness, self._step_mask(batch, sharpness.shape[1])))
        scores["score"] = sum(weight * float(losses[name]) for name, weight in LOSS_WEIGHTS.items())
        return scores

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots mel and alignment of the first two utterances."""
        with torch.no_grad():
            prediction = self._predict(modules, batch)
        rate = cast(Tacotron2, modules["acoustic"]).frames_per_step
        paths = []
        for row in range(min(2, len(batch["phonemes"]))):
            frames, size = int(batch["frames"][row]), int((batch["phonemes"][row] != 0).sum())
            alignment = prediction.alignment[row, : -(-frames // rate), :size].t()
            mels = batch["mel"][row, :, :frames], prediction.mel[row, :, :frames]
            path = folder / f"step-{step:07d}-{row}.png"
            draw_attention(path, *(value.float().cpu().numpy() for value in (*mels, alignment)))
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Griffin-Lim of the first two utterances' mels."""
        with torch.no_grad():
            mel = self._predict(modules, batch).mel.float().cpu().numpy()
        frames = batch["frames"].tolist()[:2]
        return [
            mel_to_audio(item[:, :size], self.settings.audio) for item, size in zip(mel, frames, strict=False)
        ]

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes `folder/voice` with Griffin-Lim as its vocoder, which it returns, and `folder/acoustic_model.pt`."""
        model = cast(Tacotron2, modules["acoustic"])
        tones = self.settings.data.tones
        return save_acoustic_product(
            folder, self.model_type, model, self.settings.audio, training, tones=tones
        ).path

    def _predict(self, modules: nn.ModuleDict, batch: Batch) -> Tacotron2Prediction:
        keys = ("phonemes", "mel", "frames", "speaker")
        return cast(Tacotron2Prediction, modules["acoustic"](*(batch[key] for key in keys)))

    def _losses(self, modules: nn.ModuleDict, batch: Batch) -> tuple[Tacotron2Prediction, dict[str, Tensor]]:
        prediction = self._predict(modules, batch)
        std = cast(Tacotron2, modules["acoustic"]).mel_std[:, None]
        frames = length_mask(batch["frames"], batch["mel"].shape[2]).float()[:, None]
        target = batch["mel"] / std
        mask = self._step_mask(batch, prediction.stop.shape[1])
        last = mask - F.pad(mask[:, 1:], [0, 1])  # 1 in the step that ends a sentence
        stop = F.binary_cross_entropy_with_logits(prediction.stop.float(), last, reduction="none")
        return prediction, {
            "coarse": masked_mse(prediction.coarse / std, target, frames),
            "mel": masked_mse(prediction.mel / std, target, frames),
            "stop": masked_mean(stop * (1.0 + (STOP_WEIGHT - 1.0) * last), mask),
            "attention": guided_attention(prediction.alignment, (batch["phonemes"] != 0).sum(dim=1), mask),
        }

    def _step_mask(self, batch: Batch, steps: int) -> Tensor:
        """Mask [B, K] of the decoder steps: 1 within the sentence."""
        rate = cast(Tacotron2Config, self.settings.model).frames_per_step
        return length_mask((batch["frames"] + rate - 1) // rate, steps).float()


def guide_weight(step: int) -> float:
    """Weight of the guided attention loss at a step."""
    left = max(0.0, 1.0 - step / GUIDE_STEPS)
    return LEAST_GUIDE_WEIGHT + (GUIDE_WEIGHT - LEAST_GUIDE_WEIGHT) * left


def guided_attention(alignment: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
    """Mean over the steps of the attention [B, K, N] off the diagonal (Tachibana et al. 2018, section 4.1).

    `lengths` [B] counts the phonemes, `mask` [B, K] is 1 for a sentence's own steps.
    """
    phoneme = torch.arange(alignment.shape[2], device=mask.device)[None] / lengths[:, None]  # [B, N]
    step = torch.arange(mask.shape[1], device=mask.device)[None] / mask.sum(dim=1, keepdim=True)  # [B, K]
    distance = phoneme[:, None] - step[:, :, None]
    penalty = 1.0 - torch.exp(-distance.square() / (2.0 * DIAGONAL_WIDTH**2))
    return masked_mean((alignment.float() * penalty).sum(dim=2), mask)
