"""A voice's torch models as evaluation drives them: with its own durations or with given ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.audio.loudness import vocode_unclipped
from kalakan.errors import VoiceError
from kalakan.models import registry
from kalakan.models.interfaces import Vocoder
from kalakan.voices.files import ACOUSTIC_WEIGHTS
from kalakan.voices.package import Voice
from kalakan.voices.weights import load_acoustic, load_vocoder


class GivenDurations(Protocol):
    """An acoustic model whose attribute `takes_durations` is true."""

    def inference(
        self, phonemes: Tensor, *, speaker: Tensor, durations: Tensor | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`AcousticModel.inference`; `durations` [B, N] in frames, None for the model's own."""
        ...


@dataclass(frozen=True)
class Speech:
    """One utterance as a voice speaks it."""

    mel: NDArray[np.float32]
    """Log-mel [M, T]."""
    f0: NDArray[np.float32]
    """F0 [T] in Hz, 0 where unvoiced."""
    durations: NDArray[np.int64]
    """Frames of each unit [N]."""
    audio: NDArray[np.float32]
    """Audio [T * hop_length]; louder than 1 where the mel is."""


class VoiceModel:
    """The acoustic model and the vocoder of a voice, on the CPU.

    Raises `VoiceError` for a voice without torch weights, or whose acoustic model takes no durations.
    """

    def __init__(self, voice: Voice) -> None:
        manifest = voice.manifest
        if not voice.has(ACOUSTIC_WEIGHTS):
            raise VoiceError(
                f"{voice.path}: carries no acoustic.safetensors, and evaluation needs a voice's torch weights; "
                "evaluate the folder it was exported from"
            )
        model = load_acoustic(voice)
        if not getattr(model, "takes_durations", False):
            raise VoiceError(f"{voice.path}: its {manifest.acoustic.type} takes no given durations")
        self.acoustic = cast(GivenDurations, model)
        self.audio = manifest.audio
        self.speakers = manifest.speakers
        if registry.entry(manifest.vocoder.type).preset is None:
            module = registry.create_vocoder(manifest.vocoder.type, manifest.audio).eval()
        else:
            module = load_vocoder(voice)
        self.vocoder = cast(Vocoder, module)

    def speak(
        self, ids: NDArray[np.int64], speaker: str, durations: NDArray[np.int64] | None = None
    ) -> Speech:
        """Speech of phoneme ids [N] with the durations [N] given, or the model's own; pitch is always predicted."""
        row = torch.tensor([self.speakers.index(speaker)])
        given = None if durations is None else torch.from_numpy(durations)[None]
        with torch.no_grad():
            mel, aux = self.acoustic.inference(torch.from_numpy(ids)[None], speaker=row, durations=given)
        f0 = aux["pitch"][0].float().numpy()
        found = mel[0].float().numpy()
        return Speech(found, f0, aux["durations"][0].numpy(), self.vocode(found, f0))

    def vocode(self, mel: NDArray[np.float32], f0: NDArray[np.float32]) -> NDArray[np.float32]:
        """Audio [T * hop_length] of a log-mel [M, T] and F0 [T] in Hz.

        As in synthesis, what the vocoder would clip is spoken more softly and turned up again.
        """
        given = (torch.from_numpy(f0)[None],) if getattr(self.vocoder, "takes_f0", False) else ()
        with torch.no_grad():
            audio = vocode_unclipped(self.vocoder.inference, torch.from_numpy(mel)[None], *given)
        return np.asarray(audio.numpy(), np.float32)
