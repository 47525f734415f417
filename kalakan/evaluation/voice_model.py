"""Runs a voice's torch models for evaluation, with predicted or given durations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kalakan.config.schema import InferenceConfig
from kalakan.errors import VoiceError
from kalakan.models import registry
from kalakan.synthesis.engines.acoustics import AcousticBatch
from kalakan.synthesis.engines.torch_engine import TorchAcousticStage, TorchVocoderStage
from kalakan.voices.files import ACOUSTIC_WEIGHTS
from kalakan.voices.package import Voice
from kalakan.voices.weights import load_acoustic, load_vocoder


@dataclass(frozen=True)
class Speech:
    """One synthesized utterance."""

    mel: NDArray[np.float32]
    """Log-mel [M, T]."""
    f0: NDArray[np.float32]
    """F0 [T] in Hz, 0 where unvoiced."""
    durations: NDArray[np.int64]
    """Frames of each unit [N]."""
    audio: NDArray[np.float32]
    """Audio [T * hop_length]; may exceed [-1, 1]."""


class VoiceModel:
    """The acoustic and vocoder stages of a voice's torch models, on the CPU.

    `corrected` applies the corrections of the voice's prosody, which a comparison with the clips that it was trained on
    would count as errors. Raises `VoiceError` for a voice without torch weights, or whose acoustic model takes no
    durations.
    """

    def __init__(self, voice: Voice, *, corrected: bool = False) -> None:
        manifest = voice.manifest
        if not voice.has(ACOUSTIC_WEIGHTS):
            raise VoiceError(
                f"{voice.path}: carries no acoustic.safetensors, and evaluation needs a voice's torch weights; "
                "evaluate the folder it was exported from"
            )
        config = InferenceConfig()
        corrections = manifest.corrections if corrected else None
        self.acoustic = TorchAcousticStage(load_acoustic(voice), config, corrections)
        if not self.acoustic.takes_durations:
            raise VoiceError(f"{voice.path}: its {manifest.acoustic.type} takes no given durations")
        self.audio = manifest.audio
        self.speakers = manifest.speakers
        if registry.entry(manifest.vocoder.type).preset is None:
            vocoder = registry.create_vocoder(manifest.vocoder.type, manifest.audio).eval()
        else:
            vocoder = load_vocoder(voice)
        self.vocoder = TorchVocoderStage(vocoder, config)

    def speak(
        self, ids: NDArray[np.int64], speaker: str, durations: NDArray[np.int64] | None = None
    ) -> Speech:
        """Synthesizes phoneme ids [N] with given durations [N] or predicted ones; pitch is always predicted."""
        batch = AcousticBatch(
            ids[None],
            np.array([len(ids)]),
            speaker=np.array([self.speakers.index(speaker)]),
            durations=None if durations is None else durations[None],
        )
        (found,) = self.acoustic.predict(batch)
        assert found.durations is not None, "a model that takes durations says them"
        mel = self.acoustic.mel(found)
        f0 = found.f0[0].numpy()
        return Speech(mel[0].numpy(), f0, found.durations, self.vocode(mel[0].numpy(), f0))

    def vocode(self, mel: NDArray[np.float32], f0: NDArray[np.float32]) -> NDArray[np.float32]:
        """Audio [T * hop_length] from a log-mel [M, T] and F0 [T] in Hz, not clipped to [-1, 1]."""
        arrays = torch.from_numpy(mel)[None], torch.from_numpy(f0)[None]
        return np.asarray(self.vocoder.waveform(*arrays, 0, 0).numpy(), np.float32)
