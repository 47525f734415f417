"""Training of an acoustic model on recordings and on a teacher's predictions for the same text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import Settings
from kalakan.data.collate import Batch
from kalakan.errors import TrainingError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2, Prediction
from kalakan.training.losses.masked import masked_mean
from kalakan.training.tasks.acoustic import LOSS_WEIGHTS, AcousticTask
from kalakan.training.tasks.contract import Phase
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic


def mel_distillation(student: Tensor, teacher: Tensor, mask: Tensor, temperature: float) -> Tensor:
    """Mean KL divergence between the teacher's and the student's bands, log-mels [B, M, T], mask [B, 1, T].

    A frame's log-mel, divided by the temperature, gives the logits of a distribution over its bands; the divergence is
    scaled by the squared temperature, so that gradients keep their magnitude (G. Hinton et al., arXiv 1503.02531,
    section 2). It depends on the shape of a spectrum, not its level, which is learned from the recordings' loss.
    """
    wanted = F.log_softmax(teacher.float() / temperature, dim=1)
    given = F.log_softmax(student.float() / temperature, dim=1)
    divergence = (wanted.exp() * (wanted - given)).sum(dim=1, keepdim=True)
    return masked_mean(divergence, mask) * temperature**2


class DistillationTask(AcousticTask):
    """`AcousticTask` with a teacher: alpha times the recordings' losses, 1 - alpha times the teacher's."""

    def __init__(self, model_type: str, settings: Settings, teacher: str | Path) -> None:
        super().__init__(model_type, settings)
        voice = load_voice(Path(teacher))
        if voice.manifest.audio != settings.audio:
            raise TrainingError(f"{teacher}: was trained with other audio settings; use those of the teacher")
        model = load_acoustic(voice)
        if not isinstance(model, FastSpeech2):
            raise TrainingError(
                f"{teacher}: its acoustic model is {voice.manifest.acoustic.type}; a teacher must be a FastSpeech2, "
                "whose frames can follow the recordings' durations"
            )
        self.source, self.teacher = teacher, model
        self.speakers = voice.manifest.speakers

    def build(self, settings: Settings) -> nn.ModuleDict:
        """As `AcousticTask.build`; raises `TrainingError` for a speaker that the teacher lacks."""
        modules = super().build(settings)
        own = cast(FastSpeech2, modules["acoustic"]).config.speakers
        strangers = [name for name in own if name not in self.speakers]
        if strangers:
            raise TrainingError(
                f"{self.source}: does not know the speaker {strangers[0]}; its speakers are {', '.join(self.speakers)}"
            )
        self._rows = torch.tensor([self.speakers.index(name) for name in own])
        return modules

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """One phase: the recordings' losses and the teacher's."""
        options = self.settings.distillation
        prediction, losses = self._losses(modules, batch)
        weighted = {name: options.alpha * LOSS_WEIGHTS[name] * value for name, value in losses.items()}
        wanted = self._taught(batch)
        distance = mel_distillation(
            prediction.mel, wanted.mel, self.frame_mask(batch)[:, None, :], options.temperature
        )
        weighted["distillation"] = (1.0 - options.alpha) * distance
        yield Phase("acoustic", weighted)

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """As `AcousticTask.sizes`; the teacher's loss is a mean over frames."""
        found = super().sizes(modules, batch)
        return found | {"distillation": found["mel"]}

    @torch.no_grad()
    def _taught(self, batch: Batch) -> Prediction:
        """The teacher's prediction with the recordings' durations, pitch and energy."""
        device = batch["phonemes"].device
        teacher = self.teacher.to(device)
        speaker = self._rows.to(device)[batch["speaker"]]
        given = (batch[key] for key in ("phonemes", "durations", "pitch", "energy"))
        return cast(Prediction, teacher(*given, speaker))
