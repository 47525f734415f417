"""Weights of a voice or of single `.pt` files as torch modules, read without running any code in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kalakan.config.resolve import from_dict, to_dict
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.models import registry
from kalakan.storage import replacing
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.files import ACOUSTIC_WEIGHTS, VOCODER_WEIGHTS
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, load_voice, voice_folder

PT_FORMAT = "kalakan-model-1"
SCALE = ".scale"
"""Suffix of the tensor that holds the scales of a quantized one, in a shape that broadcasts with it."""


@dataclass(frozen=True)
class LoadedModel:
    """A model with the settings needed to run it."""

    module: nn.Module
    """The model, in evaluation mode."""
    record: ModelRecord
    """Its type and configuration."""
    audio: AudioConfig
    """Waveform and mel settings."""


def load_acoustic(voice: Voice) -> nn.Module:
    """The acoustic model of a voice as a torch module in evaluation mode."""
    return _load(voice, ACOUSTIC_WEIGHTS, voice.manifest.acoustic)


def load_vocoder(voice: Voice) -> nn.Module:
    """The vocoder of a voice as a torch module in evaluation mode; not for Griffin-Lim, which has no weights."""
    return _load(voice, VOCODER_WEIGHTS, voice.manifest.vocoder)


def _load(voice: Voice, name: str, record: ModelRecord) -> nn.Module:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = voice.file(name)
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise VoiceError(f"{path}: is damaged ({error})") from error
    return _build(record, dequantize(state), voice.manifest.audio, path)


def save_pt(path: Path, module: nn.Module, record: ModelRecord, audio: AudioConfig) -> None:
    """Writes a model as one `.pt` file: tensors and plain values only."""
    contents = {
        "format": PT_FORMAT,
        "type": record.type,
        "config": record.config,
        "audio": to_dict(audio),
        "phoneme_table": TABLE_HASH,
        "state": float32_state(module),
    }
    save_tensors(path, contents)


def save_tensors(path: Path, contents: dict[str, Any]) -> None:
    """Writes tensors and plain values as one file, whole or not at all; raises `OSError`, which names it."""
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            torch.save(contents, file)
    except RuntimeError as error:  # torch's, while it closes a file that could not be written
        cause = error.__context__
        if not isinstance(cause, OSError):
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from error


def load_pt(path: str | Path) -> LoadedModel:
    """Reads what `save_pt` wrote; raises `VoiceError` for any other file."""
    path = Path(path)
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise VoiceError(f"{path}: there is no such file") from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise VoiceError(f"{path}: is damaged or no Kalakan model ({type(error).__name__})") from error
    if (
        isinstance(contents, dict)
        and contents
        and all(isinstance(value, Tensor) for value in contents.values())
    ):
        raise VoiceError(
            f"{path}: holds weights alone, without the model's type and sizes; save them with "
            "kalakan.voices.weights.save_pt(path, module, record, audio)"
        )
    if not isinstance(contents, dict) or contents.get("format") != PT_FORMAT:
        raise VoiceError(f"{path}: is no {PT_FORMAT} file; train or export one with Kalakan")
    row = registry.ENTRIES.get(contents["type"])
    if contents["phoneme_table"] != TABLE_HASH and (row is None or row.kind != "vocoder"):  # it uses no ids
        raise VoiceError(
            f"{path}: was trained on another phoneme table than this Kalakan has; use the version it was made with"
        )
    record = ModelRecord(contents["type"], contents["config"])
    audio = from_dict(AudioConfig, contents["audio"])
    return LoadedModel(_build(record, contents["state"], audio, path), record, audio)


def load_vocoder_of(source: str | Path) -> LoadedModel:
    """The vocoder of a voice folder, or of a `.pt` file; raises `VoiceError` for one that has none with weights."""
    path = voice_folder(source)
    if not path.is_dir():
        loaded = load_pt(path)
        if registry.entry(loaded.record.type).kind != "vocoder":
            raise VoiceError(f"{path}: holds a {loaded.record.type}, which is no vocoder")
        return loaded
    voice = load_voice(path)
    record = voice.manifest.vocoder
    if registry.entry(record.type).task is None:
        raise VoiceError(f"{path}: its vocoder is {record.type}, which has no weights to take over")
    return LoadedModel(load_vocoder(voice), record, voice.manifest.audio)


def dequantize(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state whose quantized tensors are in 32 bits again and whose scales are gone.

    Raises `VoiceError` for a quantized tensor without scales.
    """
    quantized = {name for name, value in state.items() if value.dtype == torch.int8}
    bare = [name for name in quantized if name + SCALE not in state]
    if bare:
        raise VoiceError(
            f"tensor {bare[0]} is quantized and has no scales, {bare[0]}{SCALE}; export the voice again"
        )
    scales = {name + SCALE for name in quantized}
    return {
        name: value.float() * state[name + SCALE] if name in quantized else value
        for name, value in state.items()
        if name not in scales
    }


def float32_state(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module as contiguous CPU tensors, floats in single precision."""
    return {
        name: (value.float() if value.dtype.is_floating_point else value).detach().cpu().contiguous()
        for name, value in module.state_dict().items()
    }


def _build(record: ModelRecord, state: dict[str, Tensor], audio: AudioConfig, path: Path) -> nn.Module:
    try:
        module = registry.create(record.type, record.config, audio)
        floats = {
            name: value.float() if value.dtype.is_floating_point else value for name, value in state.items()
        }
        module.load_state_dict(floats)
    except (ConfigError, RuntimeError) as error:
        raise VoiceError(
            f"{path}: does not fit its model {record.type} ({str(error).splitlines()[0]})"
        ) from error
    return module.eval().requires_grad_(False)
