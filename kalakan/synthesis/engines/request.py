"""What a synthesizer was asked to load: a voice, files, folders, types or loaded models."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kalakan.errors import ConfigError
from kalakan.models import registry
from kalakan.voices import contents as kinds
from kalakan.voices.package import DEFAULT, voice_folder
from kalakan.voices.single import is_single

ENGINES = ("auto", "onnx", "torch")


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
    """CPU threads, 1 to 256, if the user sets them; otherwise torch's own number."""

    def located(self) -> Request:
        """The same request with absolute paths, for a process that runs in another folder."""

        def absolute(model: Any) -> Any:
            return Path(model).absolute() if is_path(model) else model

        voice = None if self.voice is None else Path(self.voice).absolute()
        return replace(
            self, voice=voice, acoustic_model=absolute(self.acoustic_model), vocoder=absolute(self.vocoder)
        )


def check_request(request: Request) -> None:
    """Raises `ConfigError` for a choice that does not exist or contradicts itself."""
    if request.engine not in ENGINES:
        raise ConfigError(f"engine is {request.engine!r}; choose one of {', '.join(ENGINES)}")
    for kind, name in (("acoustic", request.acoustic_model_type), ("vocoder", request.vocoder_type)):
        if name is not None and name not in registry.names(kind):
            known = ", ".join(registry.names(kind))
            raise ConfigError(f"{kind} type {name!r} is not known to this version; choose one of {known}")
    if request.voice is not None and not is_path(request.voice):
        raise ConfigError(
            f"voice is a {type(request.voice).__name__}; give the path of a voice folder or file"
        )
    for name in ("voice", "acoustic_model", "vocoder"):
        path = getattr(request, name)
        if is_path(path) and "\0" in str(path):
            raise ConfigError(f"{name} is {str(path)!r}; a path has no null character")
    if request.voice is not None and request.acoustic_model is not None:
        raise ConfigError("voice and acoustic_model both name an acoustic model; give one of them")
    for name in ("acoustic_model", "vocoder"):
        model = getattr(request, name)
        if model is not None and not is_path(model) and not callable(getattr(model, "inference", None)):
            raise ConfigError(
                f"{name} is a {type(model).__name__}; give a path, or a model that has `inference`, such as the {name} "
                "of another Synthesizer"
            )


def check_no_vocoder(request: Request, path: Path) -> None:
    """Raises `ConfigError` for a vocoder given together with a model that has its own."""
    if request.vocoder is not None or request.vocoder_type is not None:
        raise ConfigError(
            f"{path} goes from phonemes to audio and has its own vocoder; leave the other one out"
        )


def with_default(request: Request) -> Request:
    """Replaces the word "default" with the folder of the default voice."""
    acoustic, vocoder = (
        DEFAULT if is_path(model) and voice_folder(model) == DEFAULT else model
        for model in (request.acoustic_model, request.vocoder)
    )
    return replace(request, acoustic_model=acoustic, vocoder=vocoder)


def is_voice(model: Any) -> bool:
    """Whether a path is a voice (a folder or a single file) instead of one model."""
    return Path(model).is_dir() or is_single(Path(model))


def is_path(model: object) -> bool:
    """Whether a model was named by its path."""
    return isinstance(model, (str, os.PathLike))


def is_object(model: object) -> bool:
    """Whether a model was given as an object: a torch module, or one that takes numpy arrays."""
    return model is not None and not is_path(model)


def is_torch_model(model: Any) -> bool:
    """True for a module object, and for a file that torch runs."""
    if is_object(model):
        return is_module(model)
    if model is None:
        return False
    path = Path(model)
    return (
        not path.is_dir() and not is_single(path) and kinds.kind_of(path) not in (kinds.ONNX, kinds.UNKNOWN)
    )


def is_module(model: object) -> bool:
    """Whether a model object takes tensors: torch modules have the method `parameters`, even without any parameters."""
    return hasattr(model, "parameters")
