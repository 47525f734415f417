"""Saves the products of training, a voice folder or a single `.pt` file, and replaces the vocoder of a voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.errors import VoiceError
from kalakan.storage import real_path
from kalakan.text.phonemes import TABLE_HASH, write_table
from kalakan.voices.files import ACOUSTIC_WEIGHTS, FILTERS, VOCODER, VOCODER_WEIGHTS
from kalakan.voices.manifest import UNDECLARED_LICENSE, ModelRecord, VoiceManifest
from kalakan.voices.package import Voice, save_voice
from kalakan.voices.weights import float32_state, save_pt

if TYPE_CHECKING:
    from torch import nn


UNDECLARED = """No license has been declared for these weights.

Whoever trained them decides, within the license of the recordings and the consent of the speakers. Put the
license here, and its SPDX identifier into voice.json, before the voice is passed on.
"""
CARD = """# {name}

A voice for Kalakan ({model_type}, {parameters:.1f} M parameters, {sample_rate} Hz), speakers: {speakers}.

| | |
|---|---|
| training steps | {steps} |
{scores}

Not filled in yet by whoever trained it: who speaks and has consented, the recordings and their hours, what the
voice must not be used for, its known faults.
"""


def save_acoustic_product(
    folder: Path,
    model_type: str,
    model: nn.Module,
    audio: AudioConfig,
    training: dict[str, Any],
    *,
    tones: str = "written",
) -> Voice:
    """Writes `folder/voice` (weights as safetensors, Griffin-Lim as vocoder) and `folder/acoustic_model.pt`.

    The model has its configuration in `config`; `tones` is as in `VoiceManifest`.
    """
    from safetensors.torch import save

    config: Any = model.config
    record = ModelRecord(model_type, to_dict(config))
    manifest = VoiceManifest(
        name=real_path(folder).name,
        version="1",
        speakers=config.speakers,
        audio=audio,
        acoustic=record,
        vocoder=ModelRecord("griffin_lim"),
        phoneme_table=TABLE_HASH,
        license=UNDECLARED_LICENSE,
        tones=tones,
        training=training,
    )
    save_pt(folder / "acoustic_model.pt", model, record, audio)
    files: dict[str, bytes | Path] = {
        ACOUSTIC_WEIGHTS: save(float32_state(model)),
        "phonemes.tsv": _phoneme_table(folder),
        "LICENSE": UNDECLARED.encode(),
        "MODEL_CARD.md": _card(manifest, model).encode(),
    }
    return save_voice(folder / "voice", manifest, files)


def _phoneme_table(folder: Path) -> bytes:
    path = folder / ".phonemes.tsv"
    write_table(path)
    content = path.read_bytes()
    path.unlink()
    return content


def _card(manifest: VoiceManifest, model: nn.Module) -> str:
    scores = manifest.training.get("scores", {})
    return CARD.format(
        name=manifest.name,
        model_type=manifest.acoustic.type,
        parameters=sum(value.numel() for value in model.parameters()) / 1e6,
        sample_rate=manifest.sample_rate,
        speakers=", ".join(manifest.speakers),
        steps=manifest.training.get("steps", "unknown"),
        scores="\n".join(f"| validation {name} | {value:.4f} |" for name, value in scores.items()),
    )


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
    """Writes the voice with another vocoder, whose weights and graphs are `files`, to `target` (default: in place).

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
