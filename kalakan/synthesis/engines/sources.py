"""The voices that a request names, and the voice that each of its models comes from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from kalakan.config.schema import AudioConfig, Settings
from kalakan.errors import VoiceError
from kalakan.synthesis.engines.model_sections import ModelSections
from kalakan.synthesis.engines.origin import origin_of
from kalakan.synthesis.engines.request import Request, is_path, is_voice
from kalakan.voices import contents as kinds
from kalakan.voices.corrections import Corrections
from kalakan.voices.manifest import VoiceManifest
from kalakan.voices.package import Voice, load_voice

GRIFFIN_LIM = "griffin_lim"
HARMONIC_NOISE = "harmonic_noise"


class Sources:
    """Finds the models of a request, each once."""

    def __init__(self, request: Request, settings: Settings, section: ModelSections) -> None:
        self.request = request
        self.settings = settings
        self.section = section
        self.audio = settings.audio
        self.manifest: VoiceManifest | None = None
        self._voices: dict[str | os.PathLike[str] | None, Voice] = {}

    def voice(self, source: str | os.PathLike[str] | None) -> Voice:
        if source not in self._voices:
            self._voices[source] = load_voice(source if source is None else Path(source))
        return self._voices[source]

    def again(self) -> Sources:
        """The same, for models that are loaded again; voices are not checked again."""
        copy = Sources(self.request, self.settings, self.section.again())
        copy.audio, copy.manifest, copy._voices = self.audio, self.manifest, self._voices
        return copy

    def manifests(self) -> tuple[VoiceManifest, ...]:
        """Manifests of the loaded voices."""
        return tuple(voice.manifest for voice in self._voices.values())

    @property
    def corrections(self) -> Corrections | None:
        """Corrections of the voice whose acoustic model is used."""
        return None if self.manifest is None else self.manifest.corrections

    def acoustic_voice(self) -> Voice | None:
        """The voice whose acoustic model is used; None if it is a bare file or object."""
        model = self.request.acoustic_model
        if model is None:
            return self.voice(self.request.voice)
        return self.voice(model) if is_path(model) and is_voice(model) else None

    def use_object(self, model: Any) -> tuple[str, ...] | None:
        """Selects an already loaded acoustic model; returns its speakers, or None if nothing is known about it."""
        origin = origin_of(model)
        if origin is None:
            return None
        self.manifest, self.audio = origin.manifest, origin.audio
        return origin.speakers

    def check_object(self, vocoder: Any) -> None:
        """Raises `VoiceError` for a loaded vocoder that takes a different mel."""
        origin = origin_of(vocoder)
        if origin is not None and self.manifest is not None:
            check_same_audio(origin.audio, self.audio)

    def use_voice(self, voice: Voice) -> Voice:
        """Selects the acoustic model of a voice; returns the voice, with the user's settings for that model."""
        self.manifest, self.audio = voice.manifest, voice.manifest.audio
        acoustic = self.section.trained(voice.manifest.acoustic, voice.path)
        return replace(voice, manifest=replace(voice.manifest, acoustic=acoustic))

    def use_vocoder(self, voice: Voice) -> Voice:
        """Selects the vocoder of a voice; returns the voice, with the user's settings for that vocoder."""
        vocoder = self.section.trained(voice.manifest.vocoder, voice.path)
        return replace(voice, manifest=replace(voice.manifest, vocoder=vocoder))


def is_fused_voice(voice: Voice) -> bool:
    """Whether a voice is one fused ONNX file, from phonemes to audio."""
    return voice.is_single and kinds.kind_of(voice.path) == kinds.ONNX


def check_same_audio(one: AudioConfig, other: AudioConfig) -> None:
    """Raises `VoiceError` if a vocoder takes a different mel from the acoustic model's."""
    if one != other:
        raise VoiceError("acoustic model and vocoder were made for different audio settings; they do not fit")
