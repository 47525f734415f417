"""What a finished vocoder run leaves, and a vocoder's weights in a voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.errors import VoiceError
from kalakan.voices.files import FILTERS, VOCODER, VOCODER_WEIGHTS
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, save_voice
from kalakan.voices.weights import save_pt

if TYPE_CHECKING:
    from torch import nn


def save_vocoder_product(folder: Path, model_type: str, model: nn.Module, audio: AudioConfig) -> Path:
    """Writes `folder/vocoder_model.pt`; the model has its configuration in `config` and no weight norm left."""
    path = folder / "vocoder_model.pt"
    config: Any = model.config
    save_pt(path, model, ModelRecord(model_type, to_dict(config)), audio)
    return path


def with_vocoder(
    voice: Voice,
    record: ModelRecord,
    audio: AudioConfig,
    files: Mapping[str, bytes],
    target: str | Path | None = None,
) -> Voice:
    """The voice with another vocoder, `files` being its weights and graphs; written to `target` (default: in place).

    Raises `VoiceError` if the vocoder was trained with other audio settings than the voice.
    """
    if audio != voice.manifest.audio:
        raise VoiceError(f"{voice.path}: the vocoder was trained with other audio settings; it does not fit")
    kept: dict[str, bytes | Path] = {
        name: voice.file(name).read_bytes()
        for name in voice.manifest.files
        if name not in (VOCODER_WEIGHTS, VOCODER, FILTERS)
    }
    manifest = replace(voice.manifest, vocoder=record)
    return save_voice(target if target is not None else voice.path, manifest, kept | dict(files))
