"""Training of FastSpeech2 on recordings with known durations and F0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.audio.mel import mel_to_audio
from kalakan.config.schema import FastSpeech2Config, Settings
from kalakan.data.collate import Batch, collate
from kalakan.data.dataset import TwiDataset
from kalakan.errors import DataError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2, Prediction
from kalakan.models.acoustic.voicing import is_voiced
from kalakan.models.layers.masking import length_mask
from kalakan.training.losses.masked import frame_pairs, masked_bce, masked_l1, masked_mse, variation_l1
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.fit_sizes import fitted
from kalakan.training.tasks.pictures import draw_utterance
from kalakan.voices.save import save_acoustic_product

LOSS_WEIGHTS = {"mel": 1.0, "variation": 0.5, "duration": 1.0, "pitch": 0.5, "voicing": 0.3, "energy": 0.1}
"""Mel has the most weight; predictor losses are scaled to a similar size. Energy is learned within a few steps."""
STATISTICS_UTTERANCES = 400
"""Utterances used to estimate the normalization statistics."""
LEAST_SPREAD = 0.01
"""Lower bound of the standard deviations of ln F0 and log energy for normalization: a synthetic F0 may be constant."""


class AcousticTask:
    """Task of acoustic models that train on given durations."""

    product_modules: tuple[str, ...] = ("acoustic",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings
        self._train: TwiDataset | None = None

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """Training split with augmentation, validation split without."""
        shared = {"audio": self.settings.audio, "data": self.settings.data, "features": features}
        seed = self.settings.training.seed
        self._train = TwiDataset(folder, split="train", varied=True, seed=seed, **shared)  # type: ignore[arg-type]
        if not self._train.is_aligned:
            raise DataError(f"{folder}: has no durations yet; run `kalakan align {folder}` first")
        validation = TwiDataset(folder, split="validation", **shared)  # type: ignore[arg-type]
        return self._train, validation

    def build(self, settings: Settings) -> nn.ModuleDict:
        """A model for the dataset's speakers, normalized by the dataset's statistics."""
        assert self._train is not None, "datasets() comes before build()"
        preset = cast(FastSpeech2Config, settings.model)
        config = fitted(preset, speakers=self._train.speakers, n_mels=settings.audio.n_mels)
        model = FastSpeech2(config)
        set_statistics(model, self._train)
        return nn.ModuleDict({"acoustic": model})

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Collates items into one padded batch."""
        return collate(items, self.settings.audio.mel_floor)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """One phase: all losses of FastSpeech2 at once."""
        _, losses = self._losses(modules, batch)
        yield Phase("acoustic", {name: LOSS_WEIGHTS[name] * value for name, value in losses.items()})

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Frames, pairs of frames, sounds, or weighted voiced frames of each loss."""
        masks = self._masks(modules, batch)
        return {name: mask.sum() for name, mask in masks.items()} | {
            "variation": frame_pairs(masks["variation"]).sum()
        }

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """Losses, the share of wrong voicing decisions, and pitch error in semitones."""
        prediction, losses = self._losses(modules, batch)
        model = cast(FastSpeech2, modules["acoustic"])
        mask = self.frame_mask(batch)
        voiced = (batch["pitch"] > 0).float() * mask
        wrong = (is_voiced(prediction.voicing) != (batch["pitch"] > 0)).float() * mask
        error = (prediction.pitch - model.normalize_pitch(batch["pitch"], batch["speaker"])) * model.pitch_std
        semitones = 12.0 / np.log(2.0) * ((error.square() * voiced).sum() / voiced.sum().clamp(min=1)).sqrt()
        scores = {name: float(value) for name, value in losses.items()}
        scores["voicing_error"] = float(wrong.sum() / mask.sum())
        scores["pitch_semitones"] = float(semitones)
        scores["score"] = sum(LOSS_WEIGHTS[name] * float(value) for name, value in losses.items())
        return scores

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots mel and pitch of the first two utterances next to their targets."""
        with torch.no_grad():
            prediction = self._predict(modules, batch)
        model = cast(FastSpeech2, modules["acoustic"])
        mean = model.pitch_mean[batch["speaker"]][:, None]
        hertz = torch.exp(prediction.pitch.float() * model.pitch_std + mean) * is_voiced(prediction.voicing)
        paths = []
        for row in range(min(2, len(batch["phonemes"]))):
            frames = int(batch["durations"][row].sum())
            path = folder / f"step-{step:07d}-{row}.png"
            draw_utterance(
                path,
                batch["mel"][row, :, :frames].cpu().numpy(),
                prediction.mel[row, :, :frames].float().cpu().numpy(),
                batch["pitch"][row, :frames].cpu().numpy(),
                hertz[row, :frames].cpu().numpy(),
            )
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Griffin-Lim of the first two utterances' mels."""
        with torch.no_grad():
            mel = self._predict(modules, batch).mel.float().cpu().numpy()
        frames = batch["durations"].sum(dim=1).tolist()[:2]
        return [
            mel_to_audio(item[:, :size], self.settings.audio) for item, size in zip(mel, frames, strict=False)
        ]

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes `folder/voice` with Griffin-Lim as its vocoder, which it returns, and `folder/acoustic_model.pt`."""
        model = cast(FastSpeech2, modules["acoustic"])
        tones = self.settings.data.tones
        return save_acoustic_product(
            folder, self.model_type, model, self.settings.audio, training, tones=tones
        ).path

    def frame_mask(self, batch: Batch) -> Tensor:
        """Frame mask [B, T] of a batch: 1 for frames, 0 for padding."""
        return length_mask(batch["durations"].sum(dim=1), batch["mel"].shape[2]).float()

    def _predict(self, modules: nn.ModuleDict, batch: Batch) -> Prediction:
        keys = ("phonemes", "durations", "pitch", "energy", "speaker")
        return cast(Prediction, modules["acoustic"](*(batch[key] for key in keys)))

    def _masks(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Weight of each position in the loss of a name: [B, 1, T], [B, N] or [B, T]."""
        frames = self.frame_mask(batch)
        model = cast(FastSpeech2, modules["acoustic"])
        voiced = (batch["pitch"] > 0).float()
        return {
            "mel": frames[:, None, :],
            "variation": frames[:, None, :],
            "duration": (~model.zero_duration[batch["phonemes"]]).float(),
            "pitch": frames * voiced * batch.get("pitch_weight", 1.0),
            "voicing": frames[:, :, None],
            "energy": frames,
        }

    def _losses(self, modules: nn.ModuleDict, batch: Batch) -> tuple[Prediction, dict[str, Tensor]]:
        prediction = self._predict(modules, batch)
        model = cast(FastSpeech2, modules["acoustic"])
        masks = self._masks(modules, batch)
        durations = torch.log(batch["durations"].float() + 1.0)
        pitch = model.normalize_pitch(batch["pitch"], batch["speaker"])
        voiced = (batch["pitch"] > 0).float()[:, :, None].expand_as(prediction.voicing)
        energy = (batch["energy"] - model.energy_mean) / model.energy_std
        return prediction, {
            "mel": masked_l1(prediction.mel, batch["mel"], masks["mel"]),
            "variation": variation_l1(prediction.mel, batch["mel"], masks["variation"]),
            "duration": masked_mse(prediction.log_durations, durations, masks["duration"]),
            "pitch": masked_mse(prediction.pitch, pitch, masks["pitch"]),
            "voicing": masked_bce(prediction.voicing, voiced, masks["voicing"]),
            "energy": masked_mse(prediction.energy, energy, masks["energy"]),
        }


def set_statistics(model: FastSpeech2, dataset: TwiDataset) -> None:
    """Sets the model's normalization buffers from the first utterances of each speaker in the dataset."""
    mel = statistics_mel(dataset)
    energy = 0.5 * np.log(np.exp(2 * mel).sum(axis=0))
    means, spreads = [], []
    for speaker in dataset.speakers:
        tracks = [dataset.f0(i) for i, item in enumerate(dataset.utterances) if item.speaker == speaker]
        if not tracks:
            raise DataError(
                f"speaker {speaker!r} has no utterance in the training split; record some, or take the speaker out"
            )
        f0 = np.concatenate(tracks)
        if not (f0 > 0).any():
            raise DataError(f"speaker {speaker!r} has no voiced frame; check the recordings")
        log_f0 = np.log(f0[f0 > 0])
        means.append(log_f0.mean())
        spreads.append(log_f0.std())
    model.mel_mean.copy_(torch.from_numpy(mel.mean(axis=1)))
    model.mel_std.copy_(torch.from_numpy(mel.std(axis=1)))
    model.energy_mean.fill_(energy.mean())
    model.energy_std.fill_(max(float(energy.std()), LEAST_SPREAD))
    model.pitch_mean.copy_(torch.tensor(means))
    model.pitch_std.fill_(max(float(np.mean(spreads)), LEAST_SPREAD))


def statistics_mel(dataset: TwiDataset) -> NDArray[np.float64]:
    """Concatenated log-mel [M, T] of the first utterances of each speaker."""
    chosen: list[int] = []
    share = max(1, STATISTICS_UTTERANCES // len(dataset.speakers))
    for speaker in dataset.speakers:
        chosen += [i for i, item in enumerate(dataset.utterances) if item.speaker == speaker][:share]
    mel: NDArray[np.float64] = np.concatenate([dataset.mel(index) for index in chosen], axis=1).astype(float)
    return mel
