"""Chooses and builds the engine of a request."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from kalakan.config.environment import from_environment
from kalakan.config.schema import AudioConfig, Settings
from kalakan.errors import ConfigError, KalakanWarning, MissingDependencyError, how_to_install
from kalakan.synthesis.engines.model_sections import ModelSections
from kalakan.synthesis.engines.origin import origin_of
from kalakan.synthesis.engines.request import Request, check_request, is_torch_model, with_default
from kalakan.synthesis.engines.sources import Sources, is_fused_voice
from kalakan.synthesis.engines.stages import Engine
from kalakan.voices.corrections import Levels
from kalakan.voices.files import has_graphs
from kalakan.voices.manifest import VoiceManifest


@dataclass(frozen=True)
class Built:
    """An engine and the facts known about its weights."""

    engine: Engine
    """The engine that serves the request."""
    manifest: VoiceManifest | None
    """Manifest of the voice that the acoustic model comes from; None for a bare file or a module."""
    voices: tuple[VoiceManifest, ...]
    """Manifests of all loaded voices, as stored in their folders."""
    audio: AudioConfig
    """The framing of the mel between the two models."""


def build_engine(
    request: Request, settings: Settings, overrides: Mapping[str, Any] = MappingProxyType({})
) -> Built:
    """The engine that serves `request`.

    `overrides` are the sections that the user set. Audio settings that differ from those used in training are rejected,
    as are model settings that would need other weights.
    Raises `ConfigError` for a choice that contradicts itself, `VoiceError` for files that cannot be used.
    """
    check_request(request)
    request = _with_vocoder(with_default(request))
    ops = from_environment()  # report an invalid value also with engines that do not use KALAKAN_OPS
    source = Sources(request, settings, ModelSections(overrides))
    name = choose_engine(request, source)
    _warn_of_unused(ops, name, request.device)
    engine = _builder(name)(source)
    source.section.check_taken()
    if source.manifest is not None and request.vocoder is None and request.vocoder_type is None:
        engine.levels = Levels(source.manifest.levels)  # levels were measured with the voice's own vocoder
    if "audio" in overrides and source.audio != settings.audio:
        raise ConfigError("audio settings belong to the voice and cannot be changed; leave the section out")
    return Built(engine, source.manifest, source.manifests(), source.audio)


def _warn_of_unused(ops: Mapping[str, str], engine: str, device: str) -> None:
    """Warns of implementations that the engine cannot use: onnx computes in onnxruntime and Rust, and some need a GPU.
    Models without such an op would ignore them silently."""
    if engine == "onnx":
        names, why = set(ops.values()) - {"rust"}, "the onnx engine computes in onnxruntime and Rust"
        cure = "use engine='torch'"
    elif device == "cpu":
        names, why = {"cuda", "triton"} & set(ops.values()), "device is 'cpu'"
        cure = "choose a GPU"
    else:
        return
    if names:
        message = f"KALAKAN_OPS asks for {', '.join(sorted(names))} and {why}; unset it, or {cure}"
        warnings.warn(message, KalakanWarning, stacklevel=4)


def _with_vocoder(request: Request) -> Request:
    """If the acoustic model comes from another synthesizer, that synthesizer's vocoder is the default."""
    origin = origin_of(request.acoustic_model)
    if origin is None or request.vocoder is not None or request.vocoder_type is not None:
        return request
    return replace(request, vocoder=origin.vocoder)


def choose_engine(request: Request, source: Sources) -> str:
    """ "onnx" or "torch": the requested engine, otherwise onnx if possible."""
    if request.engine != "auto":
        return request.engine
    models = (request.acoustic_model, request.vocoder)
    has_types = request.acoustic_model_type is not None or request.vocoder_type is not None
    if request.device != "cpu" or has_types or any(is_torch_model(model) for model in models):
        return "torch"
    voice = source.acoustic_voice()
    return "onnx" if voice is None or has_graphs(voice.manifest.files) or is_fused_voice(voice) else "torch"


def _builder(engine: str) -> Callable[[Sources], Engine]:
    """The builder of the engine with that name, imported only when needed."""
    if engine == "onnx":
        from kalakan.synthesis.engines.build_onnx import onnx_engine

        return onnx_engine
    try:
        from kalakan.synthesis.engines.build_torch import torch_engine
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependencyError(f"the torch engine needs torch; {how_to_install('torch')}") from error
    return torch_engine
