"""Chooses and builds the models and the engine of a request: a voice, files, folders or types."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from kalakan.config.environment import from_environment
from kalakan.config.resolve import from_dict
from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig, Settings
from kalakan.errors import (
    ConfigError,
    MissingDependencyError,
    UntrainedModelWarning,
    VoiceError,
    how_to_install,
)
from kalakan.models import registry
from kalakan.synthesis.engines.model_sections import ModelSections
from kalakan.synthesis.engines.stages import Engine, VocoderStage
from kalakan.voices.files import ACOUSTIC, ACOUSTIC_WEIGHTS, DECODER, ENCODER, FILTERS, VOCODER
from kalakan.voices.manifest import VoiceManifest
from kalakan.voices.package import DEFAULT, MANIFEST, Voice, load_voice, voice_folder

if TYPE_CHECKING:
    from kalakan.synthesis.engines.torch_engine import TorchEngine

ENGINES = ("auto", "onnx", "torch")
GRIFFIN_LIM = "griffin_lim"
HARMONIC_NOISE = "harmonic_noise"


@dataclass(frozen=True)
class Request:
    """What the user asked for; see `Synthesizer`."""

    voice: str | os.PathLike[str] | None = None
    acoustic_model: Any = None
    vocoder: Any = None
    acoustic_model_type: str | None = None
    vocoder_type: str | None = None
    device: str = "cpu"
    engine: str = "auto"
    threads: int | None = None
    """CPU threads, if the user sets a number; otherwise torch keeps its own."""

    def located(self) -> Request:
        """The same with absolute paths, for a process that runs in another folder."""

        def absolute(model: Any) -> Any:
            return Path(model).absolute() if is_path(model) else model

        voice = None if self.voice is None else Path(self.voice).absolute()
        return replace(
            self, voice=voice, acoustic_model=absolute(self.acoustic_model), vocoder=absolute(self.vocoder)
        )


@dataclass(frozen=True)
class Built:
    """An engine, and what is known about its weights."""

    engine: Engine
    """The engine that serves the request."""
    manifest: VoiceManifest | None
    """Manifest of the voice that the acoustic model comes from; None for a bare file or a module."""
    voices: tuple[VoiceManifest, ...]
    """Manifest of every loaded voice, as stored in its folder."""


@dataclass(frozen=True)
class _Part:
    """One of the two models, with what is known about it."""

    model: Any
    audio: AudioConfig | None = None
    speakers: tuple[str, ...] | None = None


def build_engine(
    request: Request, settings: Settings, overrides: Mapping[str, Any] = MappingProxyType({})
) -> Built:
    """The engine that serves `request`.

    `overrides` are the sections the user set. Audio settings that differ from those of the training are rejected, as
    are model settings that would need other weights.
    Raises `ConfigError` for a choice that contradicts itself, `VoiceError` for files that cannot be used.
    """
    _check(request)
    request = _with_default(request)
    from_environment()  # engines that do not use KALAKAN_OPS also report an invalid value
    source = _Sources(request, settings, ModelSections(overrides))
    engine = (_onnx_engine if choose_engine(request, source) == "onnx" else _torch_engine)(source)
    source.section.check_taken()
    if "audio" in overrides and source.audio != settings.audio:
        raise ConfigError("audio settings belong to the voice and cannot be changed; leave the section out")
    return Built(engine, source.manifest, source.manifests())


def _with_default(request: Request) -> Request:
    """The word "default" in place of a model is the folder of the default voice."""
    acoustic, vocoder = (
        DEFAULT if is_path(model) and voice_folder(model) == DEFAULT else model
        for model in (request.acoustic_model, request.vocoder)
    )
    return replace(request, acoustic_model=acoustic, vocoder=vocoder)


def choose_engine(request: Request, source: _Sources) -> str:
    """ "onnx" or "torch": the requested one, else onnx where possible."""
    if request.engine != "auto":
        return request.engine
    models = (request.acoustic_model, request.vocoder)
    has_types = request.acoustic_model_type is not None or request.vocoder_type is not None
    if request.device != "cpu" or has_types or any(_is_torch_model(model) for model in models):
        return "torch"
    voice = source.acoustic_voice()
    return "onnx" if voice is None or voice.has(ACOUSTIC) else "torch"


class _Sources:
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

    def manifests(self) -> tuple[VoiceManifest, ...]:
        """Manifests of the voices that were loaded."""
        return tuple(voice.manifest for voice in self._voices.values())

    def acoustic_voice(self) -> Voice | None:
        """The voice whose acoustic model is used; None if it is a bare file or object."""
        model = self.request.acoustic_model
        if model is None:
            return self.voice(self.request.voice)
        return self.voice(model) if is_path(model) and Path(model).is_dir() else None

    def use_voice(self, voice: Voice) -> Voice:
        """Selects the acoustic model of a voice; returns the voice, with that model's settings as the user set them."""
        self.manifest, self.audio = voice.manifest, voice.manifest.audio
        acoustic = self.section.trained(voice.manifest.acoustic, voice.path)
        return replace(voice, manifest=replace(voice.manifest, acoustic=acoustic))

    def use_vocoder(self, voice: Voice) -> Voice:
        """Selects the vocoder of a voice; returns the voice, with that vocoder's settings as the user set them."""
        vocoder = self.section.trained(voice.manifest.vocoder, voice.path)
        return replace(voice, manifest=replace(voice.manifest, vocoder=vocoder))


def _onnx_engine(source: _Sources) -> Engine:
    from kalakan.synthesis.engines.onnx_acoustic import OnnxAcousticStage

    request = source.request
    if request.device != "cpu":
        raise ConfigError(
            f"device is {request.device!r} and the onnx engine runs on the CPU; use engine='torch'"
        )
    if source.settings.inference.mixed_precision:
        raise ConfigError(
            "inference.mixed_precision is True and the onnx engine has none; use engine='torch' or leave it off"
        )
    for name in ("acoustic_model", "vocoder"):
        if _is_torch_model(getattr(request, name)):
            raise ConfigError(
                f"{name} is for torch and engine='onnx' was asked for; use engine='torch' or 'auto'"
            )
    speakers, path, acoustic = _onnx_acoustic(source)
    if acoustic.n_mels not in (None, source.audio.n_mels):
        raise VoiceError(
            f"{path}: speaks {acoustic.n_mels} mel bands and the vocoder reads {source.audio.n_mels}"
        )
    return Engine(OnnxAcousticStage(acoustic), VocoderStage(_onnx_vocoder(source)), speakers)


def _onnx_acoustic(source: _Sources) -> tuple[tuple[str, ...], Path, Any]:
    """Speakers, the file that names the model in an error, and the model: in two parts if the voice has them."""
    from kalakan.synthesis.engines.onnx_acoustic import OnnxAcousticModel, OnnxAcousticParts

    threads = source.settings.inference.threads
    voice = source.acoustic_voice()
    if voice is None:
        path = Path(source.request.acoustic_model)
        if not (path.parent / "voice.json").is_file():
            model = OnnxAcousticModel(path, threads)
            source.audio = model.identity.audio or source.audio  # the settings fill in what the file lacks
            return model.identity.speakers or ("speaker",), path, model
        voice = source.voice(path.parent)
        source.use_voice(voice)
        return voice.manifest.speakers, path, OnnxAcousticModel(path, threads)
    source.use_voice(voice)
    path = voice.file(ACOUSTIC)
    if not voice.has(ENCODER) or not voice.has(DECODER):
        return voice.manifest.speakers, path, OnnxAcousticModel(path, threads)
    parts = OnnxAcousticParts(voice.file(ENCODER), voice.file(DECODER), threads)
    return voice.manifest.speakers, path, parts


def _onnx_vocoder(source: _Sources) -> Any:
    from kalakan.synthesis.engines.onnx_vocoders import GriffinLimVocoder, HarmonicNoiseVocoder, OnnxVocoder

    request, audio, config = source.request, source.audio, source.settings.inference
    if request.vocoder is not None and not Path(request.vocoder).is_dir():
        path = Path(request.vocoder)
        if (path.parent / MANIFEST).is_file():
            source.voice(path.parent)  # checked as a file of that voice
        vocoder = OnnxVocoder(path, audio, config.threads)
        _check_same_audio(vocoder.identity.audio or audio, audio)
        return vocoder
    voice = source.voice(request.vocoder) if request.vocoder is not None else source.acoustic_voice()
    found = voice.manifest.vocoder.type if voice is not None else GRIFFIN_LIM
    kind = request.vocoder_type or found
    if voice is not None and request.vocoder_type != GRIFFIN_LIM:
        _check_same_audio(voice.manifest.audio, audio)
    if kind == GRIFFIN_LIM:
        return GriffinLimVocoder(audio, config.griffin_lim_iterations, config.threads)
    if voice is None or kind != found:
        raise ConfigError(f"vocoder type {kind!r} without weights needs engine='torch'")
    voice = source.use_vocoder(voice)
    if kind == HARMONIC_NOISE:
        path = voice.file(FILTERS if voice.has(FILTERS) else VOCODER)
        sizes = from_dict(HarmonicNoiseConfig, voice.manifest.vocoder.config)
        return HarmonicNoiseVocoder(path, audio, sizes, config.threads)
    return OnnxVocoder(voice.file(VOCODER), audio, config.threads)


def _torch_engine(source: _Sources) -> TorchEngine:
    try:
        from kalakan.models.devices import check_device
        from kalakan.synthesis.engines.torch_engine import (
            TorchAcousticStage,
            TorchEngine,
            TorchVocoderStage,
            use_threads,
        )
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependencyError(f"the torch engine needs torch; {how_to_install('torch')}") from error
    device = check_device(source.request.device)
    use_threads(source.request.threads)
    acoustic = _torch_acoustic(source)
    if acoustic.audio is not None:
        source.audio = acoustic.audio
    vocoder = _torch_vocoder(source)
    for part in (acoustic, vocoder):
        part.model.to(device)
    speakers = acoustic.speakers or ("speaker",)
    config = source.settings.inference
    stages = TorchAcousticStage(acoustic.model, config), TorchVocoderStage(vocoder.model, config)
    return TorchEngine(*stages, speakers)


def _torch_acoustic(source: _Sources) -> _Part:
    from kalakan.voices.weights import load_acoustic

    request = source.request
    model, kind = request.acoustic_model, request.acoustic_model_type
    if model is not None and not is_path(model):
        return _Part(model)
    if model is not None and not Path(model).is_dir():
        return _of_file(_torch_path(model, "acoustic_model"), "acoustic", kind, source)
    voice = _voice_of_type(source, kind)
    if voice is None:
        assert kind is not None, "a voice is missing only where a type stands in for it"
        return _untrained(kind, source)
    voice = source.use_voice(voice)
    return _Part(load_acoustic(voice), voice.manifest.audio, voice.manifest.speakers)


def _voice_of_type(source: _Sources, kind: str | None) -> Voice | None:
    """The voice that holds weights of the acoustic type asked for; None if there is none and none was named."""
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


def _untrained(kind: str, source: _Sources) -> _Part:
    audio = source.settings.audio
    preset = cast(FastSpeech2Config, registry.entry(kind).preset)
    config = cast(FastSpeech2Config, source.section.untrained(preset))
    if config.n_mels not in (preset.n_mels, audio.n_mels):
        raise ConfigError(
            f"model.n_mels is {config.n_mels} and audio.n_mels is {audio.n_mels}; set audio.n_mels alone"
        )
    model = registry.create_acoustic(kind, replace(config, n_mels=audio.n_mels)).eval().requires_grad_(False)
    _warn_untrained(kind, "acoustic_model")
    return _Part(model, audio, config.speakers)


def _of_file(path: Path, kind: str, asked: str | None, source: _Sources) -> _Part:
    """The model of a `.pt` file, a `kind` of the type `asked` (None: any), its settings as the user set them."""
    from kalakan.voices.weights import load_pt

    loaded = load_pt(path)
    _check_kind(loaded.record.type, kind, asked, path)
    record, module = source.section.trained(loaded.record, path), loaded.module
    if record != loaded.record:
        module = registry.create(record.type, record.config, loaded.audio).eval().requires_grad_(False)
        module.load_state_dict(loaded.module.state_dict())
    return _Part(module, loaded.audio, tuple(record.config.get("speakers", ())))


def _warn_untrained(kind: str, name: str) -> None:
    warnings.warn(
        f"{kind} was built without weights and speaks noise; give {name}= a trained model",
        UntrainedModelWarning,
        stacklevel=6,
    )


def _torch_vocoder(source: _Sources) -> _Part:
    from kalakan.voices.weights import load_vocoder

    request, iterations = source.request, source.settings.inference.griffin_lim_iterations
    model, kind = request.vocoder, request.vocoder_type
    if model is not None and not is_path(model):
        return _Part(model)
    if model is not None and not Path(model).is_dir():
        part = _of_file(_torch_path(model, "vocoder"), "vocoder", kind, source)
        _check_same_audio(cast(AudioConfig, part.audio), source.audio)
        return part
    voice = source.voice(model) if model is not None else None
    if voice is not None:
        _check_same_audio(voice.manifest.audio, source.audio)
    elif source.manifest is not None:
        voice = source.acoustic_voice()
    found = voice.manifest.vocoder.type if voice is not None else GRIFFIN_LIM
    kind = kind or found
    if voice is not None and kind == found != GRIFFIN_LIM:
        return _Part(load_vocoder(source.use_vocoder(voice)), source.audio)
    preset = registry.entry(kind).preset
    sizes = source.section.untrained(preset) if preset is not None else None
    module = registry.create_vocoder(kind, source.audio, iterations, sizes).eval().requires_grad_(False)
    if kind != GRIFFIN_LIM:
        _warn_untrained(kind, "vocoder")
    return _Part(module, source.audio)


def _check(request: Request) -> None:
    if request.engine not in ENGINES:
        raise ConfigError(f"engine is {request.engine!r}; choose one of {', '.join(ENGINES)}")
    for kind, name in (("acoustic", request.acoustic_model_type), ("vocoder", request.vocoder_type)):
        if name is not None and name not in registry.names(kind):
            known = ", ".join(registry.names(kind))
            raise ConfigError(f"{kind} type {name!r} is not known to this version; choose one of {known}")
    if request.voice is not None and request.acoustic_model is not None:
        raise ConfigError("voice and acoustic_model both name an acoustic model; give one of them")


def _check_kind(found: str, kind: str, asked: str | None, path: object) -> None:
    if registry.entry(found).kind != kind:
        raise VoiceError(f"{path}: holds a {registry.entry(found).kind} model, {found}; a {kind} is needed")
    if asked not in (None, found):
        raise ConfigError(f"{path} holds a {found}, not a {asked}; leave the type out")


def _check_same_audio(one: AudioConfig, other: AudioConfig) -> None:
    if one != other:
        raise VoiceError("acoustic model and vocoder were made for different audio settings; they do not fit")


def _torch_path(model: Any, name: str) -> Path:
    path = Path(model)
    if path.suffix == ".onnx":
        raise ConfigError(
            f"{name} is {path}, an ONNX file, and the torch engine was asked for; use engine='onnx'"
        )
    return path


def is_path(model: object) -> bool:
    """Whether a model was named by its path."""
    return isinstance(model, (str, os.PathLike))


def _is_torch_model(model: Any) -> bool:
    """True for a `.pt` file or a module object."""
    return model is not None and (not is_path(model) or Path(model).suffix in (".pt", ".pth"))
