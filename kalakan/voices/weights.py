"""Loads weights of a voice or of single model files as torch modules, without running any code in them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
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
from kalakan.voices import contents as kinds
from kalakan.voices.files import ACOUSTIC_WEIGHTS, VOCODER_WEIGHTS
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import Voice, load_voice, voice_folder

PT_FORMAT = "kalakan-model-1"
_METADATA = "kalakan"
"""Key of a model's facts in the metadata of a safetensors file."""
SCALE = ".scale"
"""Suffix of the tensor that holds the scales of a quantized one, in a shape that broadcasts with it."""

QUANTIZED_FROM = 1024
"""Smallest matrix, in elements, that `quantized_state` stores in 8 bits."""
MOST_LEVEL = 127
"""Largest integer of a quantized tensor."""


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

    path = voice.path if voice.is_single else voice.file(name)
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise VoiceError(f"{path}: is damaged ({error})") from error
    if voice.is_single:
        prefix = name.removesuffix("safetensors")  # "acoustic." or "vocoder."
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return _build(record, dequantize(state), voice.manifest.audio, path)


def save_pt(
    path: Path,
    module: nn.Module,
    record: ModelRecord,
    audio: AudioConfig,
    state: Mapping[str, Tensor] | None = None,
) -> None:
    """Writes a model as one `.pt` file: tensors and plain values only.

    `state` replaces the module's own state in single precision, for example by a 16-bit or quantized one (`SCALE`).
    """
    tensors = float32_state(module) if state is None else dict(state)
    save_tensors(path, _facts(record, audio) | {"state": tensors})


def _facts(record: ModelRecord, audio: AudioConfig) -> dict[str, Any]:
    return {
        "format": PT_FORMAT,
        "type": record.type,
        "config": record.config,
        "audio": to_dict(audio),
        "phoneme_table": TABLE_HASH,
    }


def save_safetensors(
    path: Path,
    record: ModelRecord,
    audio: AudioConfig,
    state: Mapping[str, Tensor],
    told: Mapping[str, str] | None = None,
) -> None:
    """Writes a model as one `.safetensors` file, its facts and the texts of `told` in the metadata."""
    from safetensors.torch import save

    facts = {_METADATA: json.dumps(_facts(record, audio), ensure_ascii=False)}
    with replacing(path) as partial:
        partial.write_bytes(save(dict(state), facts | dict(told or {})))


def save_tensors(path: Path, contents: dict[str, Any]) -> None:
    """Writes tensors and plain values as one file, whole or not at all; raises `OSError`, which names it."""
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            torch.save(contents, file)
    except RuntimeError as error:  # from torch, when it closes a file that could not be written
        cause = error.__context__
        if not isinstance(cause, OSError):
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from error


def load_model(
    path: str | Path, *, sizes_of_bare: Sequence[tuple[ModelRecord, AudioConfig]] = ()
) -> LoadedModel:
    """The model in a `.pt` or `.safetensors` file, detected by content; raises `VoiceError` for any other file.

    `sizes_of_bare` as in `load_pt`.
    """
    path = Path(path)
    kind = kinds.kind_of(path)
    if kind == kinds.SAFETENSORS:
        return load_safetensors(path)
    if kind in _KINDS:
        raise VoiceError(
            f"{path}: is {_KINDS[kind]}, which runs and cannot be changed; give the .pt or .safetensors file that it "
            "was made from"
        )
    return load_pt(path, sizes_of_bare=sizes_of_bare)


_KINDS = {
    kinds.ONNX: "an ONNX file",
    kinds.TORCHSCRIPT: "a TorchScript file",
    kinds.TENSORRT: "a TensorRT engine",
}


def load_pt(
    path: str | Path, *, sizes_of_bare: Sequence[tuple[ModelRecord, AudioConfig]] = ()
) -> LoadedModel:
    """Reads what `save_pt` wrote; raises `VoiceError` for any other file, and for one that would run code.

    `sizes_of_bare` are the models that a file of plain weights, `torch.save(model.state_dict())`, may contain; it is
    loaded as the first one that it matches.
    """
    path = Path(path)
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise VoiceError(f"{path}: there is no such file") from error
    except pickle.UnpicklingError as error:
        raise VoiceError(_why_refused(path, str(error))) from error
    except Exception as error:  # torch raises many exception types for a damaged file
        raise VoiceError(f"{path}: is damaged or no Kalakan model ({type(error).__name__})") from error
    if (
        isinstance(contents, dict)
        and contents
        and all(isinstance(value, Tensor) for value in contents.values())
    ):
        for record, audio in sizes_of_bare:
            try:
                return LoadedModel(_build(record, contents, audio, path), record, audio)
            except VoiceError:
                continue  # of another model
        tried = ", ".join(record.type for record, _ in sizes_of_bare)
        misfit = f", and fits no {tried}" if tried else ""
        raise VoiceError(
            f"{path}: holds weights alone, without the model's type and sizes{misfit}"
            "; save them with kalakan.voices.weights.save_pt(path, module, record, audio)"
        )
    if not isinstance(contents, dict) or contents.get("format") != PT_FORMAT:
        raise VoiceError(f"{path}: is no {PT_FORMAT} file; train or export one with Kalakan")
    return _loaded(contents, contents["state"], path)


def _why_refused(path: Path, reason: str) -> str:
    """The message for a pickle that torch rejects: one with code, or a damaged one."""
    if "GLOBAL" in reason:  # torch's word for a name that the pickle wants to import
        return (
            f"{path}: would run code of its own when it is loaded, and is refused; ask its maker for a .safetensors "
            "file, or save the weights with kalakan.voices.weights.save_pt"
        )
    return f"{path}: is damaged or no Kalakan model (UnpicklingError)"


def load_safetensors(path: str | Path) -> LoadedModel:
    """Reads what `save_safetensors` wrote; raises `VoiceError` for any other file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        facts = json.loads(kinds.read_header(path)[_METADATA])
        state = load_file(path)
    except FileNotFoundError as error:
        raise VoiceError(f"{path}: there is no such file") from error
    except KeyError as error:
        raise VoiceError(
            f"{path}: holds weights alone, without the model's type and sizes; export it with "
            "kalakan export --format safetensors"
        ) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise VoiceError(f"{path}: is damaged ({error})") from error
    if not isinstance(facts, dict) or facts.get("format") != PT_FORMAT:
        raise VoiceError(f"{path}: is no {PT_FORMAT} file; train or export one with Kalakan")
    return _loaded(facts, state, path)


def _loaded(facts: Mapping[str, Any], state: dict[str, Tensor], path: Path) -> LoadedModel:
    """The model of a file's facts and tensors."""
    try:
        row = registry.ENTRIES.get(facts["type"])
        table, record = facts["phoneme_table"], ModelRecord(facts["type"], facts["config"])
        audio = from_dict(AudioConfig, facts["audio"])
    except KeyError as error:
        raise VoiceError(f"{path}: is damaged, it has no {error.args[0]}") from error
    if table != TABLE_HASH and (row is None or row.kind != "vocoder"):  # it uses no ids
        raise VoiceError(
            f"{path}: was trained on another phoneme table than this Kalakan has; use the version it was made with"
        )
    return LoadedModel(_build(record, dequantize(state), audio, path), record, audio)


def load_vocoder_of(source: str | Path) -> LoadedModel:
    """The vocoder of a voice folder or of a model file; raises `VoiceError` for one that has none with weights."""
    path = voice_folder(source)
    if not path.is_dir():
        loaded = load_model(path)
        if registry.entry(loaded.record.type).kind != "vocoder":
            raise VoiceError(f"{path}: holds a {loaded.record.type}, which is no vocoder")
        return loaded
    voice = load_voice(path)
    record = voice.manifest.vocoder
    if registry.entry(record.type).task is None:
        raise VoiceError(f"{path}: its vocoder is {record.type}, which has no weights to take over")
    return LoadedModel(load_vocoder(voice), record, voice.manifest.audio)


def dequantize(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state with quantized tensors converted back to 32 bits and without scales.

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


def quantized_state(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module with its matrices and kernels in 8 bits, one scale for each output; see `dequantize`.

    Vectors and small matrices keep their bits: together they are a hundredth of the bytes.
    """
    state: dict[str, Tensor] = {}
    for name, value in float32_state(module).items():
        if not value.dtype.is_floating_point or value.dim() < 2 or value.numel() < QUANTIZED_FROM:
            state[name] = value
            continue
        peaks = value.abs().amax(dim=tuple(range(1, value.dim())), keepdim=True)
        scales = torch.where(peaks > 0, peaks / MOST_LEVEL, torch.ones_like(peaks))
        state[name], state[name + SCALE] = torch.round(value / scales).to(torch.int8), scales
    return state


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
    except (ConfigError, RuntimeError, IndexError) as error:  # too few units: the special ones have no row
        raise VoiceError(
            f"{path}: does not fit its model {record.type} ({str(error).splitlines()[0]})"
        ) from error
    return module.eval().requires_grad_(False)
