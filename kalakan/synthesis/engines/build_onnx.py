"""Builds the engine for ONNX graphs on the CPU, and for loaded models that take numpy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kalakan.config.resolve import from_dict
from kalakan.config.schema import HarmonicNoiseConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.synthesis.engines.fused import FusedVocoder, OnnxFused
from kalakan.synthesis.engines.low_memory import LentAcoustic, LentVocoder, Room
from kalakan.synthesis.engines.onnx_models import (
    GriffinLimVocoder,
    HarmonicNoiseVocoder,
    OnnxAcousticModel,
    OnnxAcousticParts,
    OnnxAcousticStage,
    OnnxVocoder,
)
from kalakan.synthesis.engines.request import check_no_vocoder, is_object, is_torch_model, is_voice
from kalakan.synthesis.engines.sessions import FUSED, ROLE, check_integers
from kalakan.synthesis.engines.sources import (
    GRIFFIN_LIM,
    HARMONIC_NOISE,
    Sources,
    check_same_audio,
    is_fused_voice,
)
from kalakan.synthesis.engines.stages import Engine, VocoderStage
from kalakan.voices.external import metadata
from kalakan.voices.files import ACOUSTIC, DECODER, ENCODER, FILTERS, VOCODER
from kalakan.voices.package import MANIFEST


def onnx_engine(source: Sources) -> Engine:
    """The engine for a request; raises `ConfigError` for features that only torch has."""
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
        if is_torch_model(getattr(request, name)):
            raise ConfigError(
                f"{name} is for torch and engine='onnx' was asked for; use engine='torch' or 'auto'"
            )
    inference = source.settings.inference
    speakers, path, acoustic = _onnx_acoustic(source)
    if inference.quantize and isinstance(path, Path):
        check_integers(path)
    if getattr(acoustic, "n_mels", None) not in (None, source.audio.n_mels):
        raise VoiceError(
            f"{path}: speaks {acoustic.n_mels} mel bands and the vocoder reads {source.audio.n_mels}"
        )
    vocoder = own_vocoder(source, acoustic)
    if vocoder is None and inference.low_memory and not is_object(request.acoustic_model):
        room = Room()
        acoustic = LentAcoustic(room, lambda: _onnx_acoustic(source.again())[2], acoustic)
        vocoder = LentVocoder(room, lambda: _onnx_vocoder(source.again()), _onnx_vocoder(source))
    elif vocoder is None:
        vocoder = _onnx_vocoder(source)
    return Engine(OnnxAcousticStage(acoustic, source.corrections), VocoderStage(vocoder), speakers)


def _onnx_acoustic(source: Sources) -> tuple[tuple[str, ...], str | Path, Any]:
    """Speakers, the file named in error messages, and the model, in two parts if the voice has them."""
    threads, given = source.settings.inference.threads, source.request.acoustic_model
    if is_object(given):
        return source.use_object(given) or ("speaker",), "acoustic_model", given
    voice = source.acoustic_voice()
    if voice is None:
        path = Path(given)
        if not (path.parent / "voice.json").is_file():
            model = bare_acoustic(path, threads)
            source.audio = model.identity.audio or source.audio  # settings provide what the file lacks
            return model.identity.speakers or ("speaker",), path, model
        voice = source.voice(path.parent)
        source.use_voice(voice)
        return voice.manifest.speakers, path, OnnxAcousticModel(path, threads)
    source.use_voice(voice)
    if is_fused_voice(voice):
        return voice.manifest.speakers, voice.path, bare_acoustic(voice.path, threads)
    if not voice.has(ENCODER) or not voice.has(DECODER):
        path = voice.file(ACOUSTIC)
        return voice.manifest.speakers, path, OnnxAcousticModel(path, threads)
    parts = OnnxAcousticParts(voice.file(ENCODER), voice.file(DECODER), threads)
    return voice.manifest.speakers, voice.file(DECODER), parts


def bare_acoustic(path: Path, threads: int) -> Any:
    """The model of an ONNX file that is not in a voice folder: phonemes to mel, or, fused, to audio."""
    is_fused = path.is_file() and metadata(path, path.read_bytes()).get(ROLE) == FUSED
    return OnnxFused(path, threads) if is_fused else OnnxAcousticModel(path, threads)


def own_vocoder(source: Sources, acoustic: Any) -> Any:
    """The second half of a model that produces audio itself; None for a model that needs a vocoder."""
    if not isinstance(acoustic, OnnxFused):
        return None
    check_no_vocoder(source.request, acoustic.path)
    return FusedVocoder(acoustic.audio)


def _onnx_vocoder(source: Sources) -> Any:
    request, audio, config = source.request, source.audio, source.settings.inference
    if is_object(request.vocoder):
        source.check_object(request.vocoder)
        return request.vocoder
    if request.vocoder is not None and not is_voice(request.vocoder):
        path = Path(request.vocoder)
        if (path.parent / MANIFEST).is_file():
            source.voice(path.parent)  # already checked as a file of that voice
        vocoder = OnnxVocoder(path, audio, config.threads)
        check_same_audio(vocoder.identity.audio or audio, audio)
        return vocoder
    voice = source.voice(request.vocoder) if request.vocoder is not None else source.acoustic_voice()
    found = voice.manifest.vocoder.type if voice is not None else GRIFFIN_LIM
    kind = request.vocoder_type or found
    if voice is not None and request.vocoder_type != GRIFFIN_LIM:
        check_same_audio(voice.manifest.audio, audio)
    if kind == GRIFFIN_LIM:
        return GriffinLimVocoder(audio, config.griffin_lim_iterations, config.threads)
    if voice is None or kind != found:
        raise ConfigError(f"vocoder type {kind!r} without weights needs engine='torch'")
    voice = source.use_vocoder(voice)
    if kind == HARMONIC_NOISE:
        try:
            sizes = from_dict(HarmonicNoiseConfig, voice.manifest.vocoder.config)
        except ConfigError as error:
            raise VoiceError(
                f"{voice.path / MANIFEST}: its vocoder does not fit this Kalakan ({error})"
            ) from error
        path = voice.file(FILTERS if voice.has(FILTERS) else VOCODER)
        return HarmonicNoiseVocoder(path, audio, sizes, config.threads)
    return OnnxVocoder(voice.file(VOCODER), audio, config.threads)
