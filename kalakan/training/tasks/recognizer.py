"""Training of the phone recognizer on recordings and transcripts, without time labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.config.resolve import to_dict
from kalakan.config.schema import RecognizerConfig, Settings
from kalakan.data.collate import Batch, collate
from kalakan.data.phone_errors import PhoneErrors, aligned, sounds_of_ids
from kalakan.data.recognition import RecognitionDataset
from kalakan.models.recognizer import BLANK, Recognizer, best_sounds
from kalakan.text.phonemes import id_to_symbol
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.fit_sizes import fitted
from kalakan.training.tasks.pictures import draw_alignment
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.weights import float32_state, save_pt

PRODUCT = "recognizer.pt"


class RecognizerTask:
    """The task of the recognizer: CTC over the sounds of each utterance."""

    product_modules: tuple[str, ...] = ("recognizer",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """The training split, distorted; the validation split as recorded."""
        shared: dict[str, Any] = {
            "audio": self.settings.audio,
            "config": self.settings.recognition,
            "features": features,
        }
        train = RecognitionDataset(
            folder, split="train", varied=True, seed=self.settings.training.seed, **shared
        )
        return train, RecognitionDataset(folder, split="validation", **shared)

    def build(self, settings: Settings) -> nn.ModuleDict:
        """An untrained recognizer."""
        preset = cast(RecognizerConfig, settings.model)
        return nn.ModuleDict({"recognizer": Recognizer(fitted(preset, n_mels=settings.audio.n_mels))})

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Collates items into one padded batch."""
        return collate(items, self.settings.audio.mel_floor)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """One phase."""
        loss, _, _ = self._ctc(modules, batch)
        yield Phase("recognizer", {"ctc": loss})

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Sounds of the loss."""
        return {"ctc": batch["count"].sum()}

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """The loss and the phone error rate, which is the score."""
        with torch.no_grad():
            loss, logs, lengths = self._ctc(modules, batch)
        errors = PhoneErrors()
        for heard, sounds, count in zip(
            best_sounds(logs, lengths), batch["sounds"].tolist(), batch["count"].tolist(), strict=True
        ):
            said = [id_to_symbol(row) for row in sounds[:count]]
            errors.add(aligned(said, sounds_of_ids(heard)))
        return {"ctc": float(loss), "phone_error_rate": errors.rate, "score": errors.rate}

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots mel and probabilities of the sounds of the first two utterances."""
        with torch.no_grad():
            _, logs, lengths = self._ctc(modules, batch)
        paths = []
        for row in range(min(2, len(logs))):
            frames, length = int(batch["frames"][row]), int(lengths[row])
            chances = logs[row, :length].exp().cpu().numpy().repeat(2, axis=0)[:frames]
            path = folder / f"step-{step:07d}-{row}.png"
            draw_alignment(path, batch["mel"][row, :, :frames].cpu().numpy(), chances.T)
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Empty: a recognizer generates no audio."""
        return []

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes and returns `folder/recognizer.pt`, its weights in 16 bits."""
        path, model = folder / PRODUCT, cast(Recognizer, modules["recognizer"])
        state = {name: value.half() for name, value in float32_state(model).items()}
        save_pt(path, model, ModelRecord(self.model_type, to_dict(model.config)), self.settings.audio, state)
        return path

    def _ctc(self, modules: nn.ModuleDict, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Loss per sound, log probabilities [B, U, P] and their lengths [B]."""
        logs, lengths = cast(Recognizer, modules["recognizer"])(batch["mel"], batch["frames"])
        losses = F.ctc_loss(
            logs.float().transpose(0, 1),
            batch["sounds"],
            lengths,
            batch["count"],
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,  # an utterance with fewer frames than sounds teaches nothing
        )
        return losses / batch["count"].sum(), logs, lengths
