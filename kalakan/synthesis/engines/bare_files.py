"""Models for the torch engine from single files: checkpoints, plain weights, TorchScript and ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.models import registry
from kalakan.synthesis.engines.request import check_no_vocoder
from kalakan.synthesis.engines.sources import Sources
from kalakan.voices import contents as kinds
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import load_voice, voice_folder


@dataclass(frozen=True)
class Part:
    """One of the two models, with what is known about it."""

    model: Any
    audio: AudioConfig | None = None
    speakers: tuple[str, ...] | None = None
    has_file: bool = True
    """Whether it can be loaded again: it is not a module given by the user, and has weights."""
    own_vocoder: Part | None = None
    """The second half of a model that goes from phonemes to audio."""


def model_of_file(path: Path, kind: str, asked: str | None, source: Sources) -> Part:
    """The model in a file: a `kind` of the type `asked` (None: any), with the user's settings."""
    from kalakan.voices.weights import load_model

    found = kinds.kind_of(path)
    if found == kinds.TORCHSCRIPT:
        return _of_script(path, kind, source)
    if found == kinds.ONNX:
        return _of_graph(path, kind, source)
    if found == kinds.TENSORRT:
        return _of_engine(path, kind, source)
    loaded = load_model(path, sizes_of_bare=_sizes_of_bare(kind, asked, source))
    _check_kind(loaded.record.type, kind, asked, path)
    record, module = source.section.trained(loaded.record, path), loaded.module
    if record != loaded.record:
        module = registry.create(record.type, record.config, loaded.audio).eval().requires_grad_(False)
        module.load_state_dict(loaded.module.state_dict())
    return Part(module, loaded.audio, tuple(record.config.get("speakers", ())))


def _sizes_of_bare(kind: str, asked: str | None, source: Sources) -> list[tuple[ModelRecord, AudioConfig]]:
    """What a file of plain weights may contain: the model of that kind in the voice, or the requested type in its
    preset sizes."""
    found: list[tuple[ModelRecord, AudioConfig]] = []
    try:
        manifest = load_voice(voice_folder(source.request.voice)).manifest
    except VoiceError:  # a checkout without the default voice
        pass
    else:
        record = manifest.acoustic if kind == "acoustic" else manifest.vocoder
        if asked in (None, record.type):
            found.append((record, manifest.audio))
    preset = registry.entry(asked).preset if asked is not None else None
    if asked is not None and preset is not None:
        audio = source.settings.audio
        sizes = {
            **to_dict(source.section.untrained(preset)),
            **({"n_mels": audio.n_mels} if kind == "acoustic" else {}),
        }
        found.append((ModelRecord(asked, sizes), audio))
    return found


def _of_script(path: Path, kind: str, source: Sources) -> Part:
    """The model in a TorchScript file."""
    from kalakan.synthesis.engines.foreign import FusedModule, ScriptedAcoustic, ScriptedVocoder
    from kalakan.voices.scripted import load_scripted

    scripted = load_scripted(path)
    _check_role(scripted.role, kind, path)
    if kind == "vocoder":
        return Part(ScriptedVocoder(scripted), scripted.audio)
    own = None
    if scripted.role == "fused_model":
        check_no_vocoder(source.request, path)
        own = Part(FusedModule(scripted.audio), scripted.audio)
    return Part(ScriptedAcoustic(scripted), scripted.audio, scripted.speakers, own_vocoder=own)


def _of_graph(path: Path, kind: str, source: Sources) -> Part:
    """The model in an ONNX file that is used with a torch model."""
    from kalakan.synthesis.engines.build_onnx import bare_acoustic, own_vocoder
    from kalakan.synthesis.engines.foreign import NumpyAcoustic, NumpyVocoder
    from kalakan.synthesis.engines.onnx_models import OnnxVocoder

    threads = source.settings.inference.threads
    if kind == "vocoder":
        vocoder = OnnxVocoder(path, source.audio, threads)
        return Part(NumpyVocoder(vocoder, source.audio), vocoder.identity.audio or source.audio)
    model = bare_acoustic(path, threads)
    if own_vocoder(source, model) is not None:
        raise ConfigError(f"{path} is a fused ONNX file; use engine='onnx'")
    identity = model.identity
    return Part(NumpyAcoustic(model), identity.audio or source.audio, identity.speakers or ("speaker",))


def _of_engine(path: Path, kind: str, source: Sources) -> Part:
    """The model in a TensorRT engine."""
    from kalakan.synthesis.engines.foreign import FusedModule
    from kalakan.synthesis.engines.tensorrt_engines import EngineAcoustic, EngineVocoder, open_engine

    file, run = open_engine(path, source.request.device)
    audio = file.identity.audio
    assert audio is not None, "read_engine refuses a file that does not say them"
    _check_role(file.role, kind, path)
    if kind == "vocoder":
        return Part(EngineVocoder(run, audio), audio)
    own = None
    if file.role == "fused_model":
        check_no_vocoder(source.request, path)
        own = Part(FusedModule(audio), audio)
    model = EngineAcoustic(run, audio, is_fused=own is not None)
    return Part(model, audio, file.identity.speakers, own_vocoder=own)


def _check_role(role: str, kind: str, path: Path) -> None:
    if (role == "vocoder") != (kind == "vocoder"):
        raise VoiceError(f"{path}: holds a {role.replace('_', ' ')}; give it as another model")


def _check_kind(found: str, kind: str, asked: str | None, path: object) -> None:
    if registry.entry(found).kind != kind:
        raise VoiceError(f"{path}: holds a {registry.entry(found).kind} model, {found}; a {kind} is needed")
    if asked not in (None, found):
        raise ConfigError(f"{path} holds a {found}, not a {asked}; leave the type out")
