"""Builds the engine for torch modules, on any device."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from kalakan.config.schema import FastSpeech2Config
from kalakan.errors import ConfigError, UntrainedModelWarning, VoiceError
from kalakan.models import registry
from kalakan.models.devices import check_device
from kalakan.synthesis.engines.bare_files import Part, model_of_file
from kalakan.synthesis.engines.foreign import in_integers
from kalakan.synthesis.engines.low_memory import LentAcoustic, LentVocoder, Room
from kalakan.synthesis.engines.request import Request, is_module, is_object, is_voice
from kalakan.synthesis.engines.sources import GRIFFIN_LIM, Sources, check_same_audio
from kalakan.synthesis.engines.torch_engine import (
    TorchAcousticStage,
    TorchEngine,
    TorchVocoderStage,
    use_threads,
)
from kalakan.voices import contents as kinds
from kalakan.voices.files import ACOUSTIC_WEIGHTS
from kalakan.voices.package import Voice
from kalakan.voices.weights import load_acoustic, load_vocoder


def torch_engine(source: Sources) -> TorchEngine:
    """The engine for a request."""
    device = check_device(source.request.device)
    config = source.settings.inference
    _check_quantize(source)
    use_threads(source.request.threads)
    acoustic = _torch_acoustic(source)
    if acoustic.audio is not None:
        source.audio = acoustic.audio
    own = acoustic.own_vocoder
    room = Room() if config.low_memory and own is None else None
    first = _placed(source, device, room, _torch_acoustic, LentAcoustic, acoustic)
    second = _placed(source, device, room, _torch_vocoder, LentVocoder, own or _torch_vocoder(source))
    stages = TorchAcousticStage(first, config, source.corrections), TorchVocoderStage(second, config)
    return TorchEngine(*stages, acoustic.speakers or ("speaker",))


def _placed(
    source: Sources,
    device: Any,
    room: Room | None,
    load: Callable[[Sources], Part],
    lent: Callable[[Room, Callable[[], Any], Any], Any],
    part: Part,
) -> Any:
    """The model of a part on its device, quantized if requested; with `room`, loaded when it is used."""

    def finished(model: Any) -> Any:
        return in_integers(model) if source.settings.inference.quantize else model

    if room is not None and part.has_file:
        return lent(room, lambda: finished(load(source.again()).model), part.model).to(device)
    return finished(part.model).to(device)


def _check_quantize(source: Sources) -> None:
    inference, device = source.settings.inference, source.request.device
    if inference.quantize and device != "cpu":
        raise ConfigError(
            f"inference.quantize is True and torch has 8-bit products on the CPU alone, not on {device}"
        )
    if inference.quantize and inference.mixed_precision:
        raise ConfigError(
            "inference.quantize and inference.mixed_precision are both True; leave one of them off"
        )


def _torch_acoustic(source: Sources) -> Part:
    request = source.request
    model, kind = request.acoustic_model, request.acoustic_model_type
    if is_object(model):
        speakers = source.use_object(_module(model, "acoustic_model"))
        return Part(model, None if speakers is None else source.audio, speakers, has_file=False)
    if model is not None and not is_voice(model):
        return model_of_file(_torch_path(request, model, "acoustic_model"), "acoustic", kind, source)
    voice = _voice_of_type(source, kind)
    if voice is None:
        assert kind is not None, "a voice is missing only where a type stands in for it"
        return _untrained(kind, source)
    voice = source.use_voice(voice)
    return Part(load_acoustic(voice), voice.manifest.audio, voice.manifest.speakers)


def _voice_of_type(source: Sources, kind: str | None) -> Voice | None:
    """The voice that has weights of the requested acoustic type; None if there is none and none was named."""
    request = source.request
    is_named = request.acoustic_model is not None or request.voice is not None
    try:
        voice = source.acoustic_voice()
    except VoiceError:
        if is_named or kind is None:
            raise
        return None
    assert voice is not None
    if kind in (None, voice.manifest.acoustic.type) and (is_named or kind is None):
        return voice
    if is_named:
        raise ConfigError(
            f"{voice.path} holds a {voice.manifest.acoustic.type}, not a {kind}; leave the type out"
        )
    fits = kind == voice.manifest.acoustic.type and voice.has(ACOUSTIC_WEIGHTS)
    return voice if fits else None


def _untrained(kind: str, source: Sources) -> Part:
    audio = source.settings.audio
    preset = cast(FastSpeech2Config, registry.entry(kind).preset)
    config = cast(FastSpeech2Config, source.section.untrained(preset))
    if config.n_mels not in (preset.n_mels, audio.n_mels):
        raise ConfigError(
            f"model.n_mels is {config.n_mels} and audio.n_mels is {audio.n_mels}; set audio.n_mels alone"
        )
    model = registry.create_acoustic(kind, replace(config, n_mels=audio.n_mels)).eval().requires_grad_(False)
    _warn_untrained(kind, "acoustic_model")
    return Part(model, audio, config.speakers, has_file=False)


def _warn_untrained(kind: str, name: str) -> None:
    warnings.warn(
        f"{kind} was built without weights and speaks noise; give {name}= a trained model",
        UntrainedModelWarning,
        stacklevel=6,
    )


def _torch_vocoder(source: Sources) -> Part:
    request, iterations = source.request, source.settings.inference.griffin_lim_iterations
    model, kind = request.vocoder, request.vocoder_type
    if is_object(model):
        source.check_object(_module(model, "vocoder"))
        return Part(model, has_file=False)
    if model is not None and not is_voice(model):
        part = model_of_file(_torch_path(request, model, "vocoder"), "vocoder", kind, source)
        check_same_audio(part.audio or source.audio, source.audio)
        return part
    voice = source.voice(model) if model is not None else None
    if voice is not None:
        check_same_audio(voice.manifest.audio, source.audio)
    elif source.manifest is not None:
        voice = source.acoustic_voice()
    found = voice.manifest.vocoder.type if voice is not None else GRIFFIN_LIM
    kind = kind or found
    if voice is not None and kind == found != GRIFFIN_LIM:
        return Part(load_vocoder(source.use_vocoder(voice)), source.audio)
    preset = registry.entry(kind).preset
    sizes = source.section.untrained(preset) if preset is not None else None
    module = registry.create_vocoder(kind, source.audio, iterations, sizes).eval().requires_grad_(False)
    if kind != GRIFFIN_LIM:
        _warn_untrained(kind, "vocoder")
    return Part(module, source.audio, has_file=kind == GRIFFIN_LIM)


def _torch_path(request: Request, model: Any, name: str) -> Path:
    path = Path(model)
    if request.engine == "torch" and kinds.kind_of(path) == kinds.ONNX:
        raise ConfigError(
            f"{name} is {path}, an ONNX file, and the torch engine was asked for; use engine='onnx'"
        )
    return path


def _module(model: Any, name: str) -> Any:
    if not is_module(model):
        raise ConfigError(
            f"{name} is a {type(model).__name__}, which takes numpy arrays, and the torch engine was asked for; "
            "use engine='onnx' and two such models"
        )
    return model
