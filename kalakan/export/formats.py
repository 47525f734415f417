"""Export formats by name, and the models that a command names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalakan.errors import ExportError, VoiceError
from kalakan.export.exporter import Exporter, ExportOptions, Source

if TYPE_CHECKING:
    from kalakan.voices.package import Voice
    from kalakan.voices.weights import LoadedModel

FORMATS = ("onnx", "torchscript", "tensorrt", "safetensors", "pt")
"""Names of the formats; their exporters import torch."""


def exporter_of(name: str) -> Exporter:
    """The exporter of a format."""
    from kalakan.export.onnx.exporter import OnnxExporter
    from kalakan.export.tensor_files import PtExporter, SafetensorsExporter
    from kalakan.export.tensorrt.exporter import TensorRtExporter
    from kalakan.export.torchscript import TorchScriptExporter

    exporters: tuple[Exporter, ...] = (
        OnnxExporter(),
        TorchScriptExporter(),
        TensorRtExporter(),
        SafetensorsExporter(),
        PtExporter(),
    )
    return next(exporter for exporter in exporters if exporter.name == name)


def complete_voice(source: Path, vocoder: Path | None, target: Path | None, options: ExportOptions) -> Path:
    """Adds the ONNX graphs that Kalakan runs to the voice `source`, in `target` (default: in place).

    `vocoder` is a `.pt` file or a voice folder; its vocoder replaces the voice's. Returns the voice folder.
    """
    from kalakan.export.voice import add_onnx, add_vocoder
    from kalakan.export.voice_compact import compact_voice
    from kalakan.export.voice_quantize import quantize_voice
    from kalakan.voices.files import has_graphs
    from kalakan.voices.package import load_voice

    if options.floats == "bf16":
        raise ExportError("the graphs of a voice have no bf16 arithmetic on a CPU; give --precision fp16")
    if options.opset is not None:
        raise ExportError("--opset is of single files; leave it out, or give --fuse")
    if options.quantize == "weights":
        raise ExportError("the graphs of a voice compute in 8 bits; give --quantize static or dynamic")
    if options.force and options.quantize is None and not options.compact:
        raise ExportError(
            "--force keeps an 8-bit voice that is not worth it or differs too much; leave it out, or give --quantize "
            "or --compact"
        )
    as_it_is = vocoder is None and replace(options, force=False) == ExportOptions(compact=True)
    if as_it_is and has_graphs(load_voice(source).manifest.files):
        return compact_voice(source, target).path
    if vocoder is not None:
        path = add_vocoder(source, vocoder, target, half_weights=options.half_weights).path
    else:
        path = add_onnx(source, target, half_weights=options.half_weights).path
    if options.quantize is not None:
        quantize_voice(path, activations=options.quantize, exact=options.keeps_exact)
    if options.compact:
        compact_voice(path)
    return path


def source_of_voice(path: Path, vocoder: Path | None) -> Source:
    """The models of a voice; `vocoder` replaces its own."""
    from kalakan.voices.package import load_voice
    from kalakan.voices.weights import LoadedModel, load_acoustic, load_vocoder_of

    voice = load_voice(path)
    manifest = voice.manifest
    acoustic = LoadedModel(load_acoustic(voice), manifest.acoustic, manifest.audio)
    return Source(acoustic, _vocoder_of(voice) if vocoder is None else load_vocoder_of(vocoder), voice)


def source_of_files(acoustic: Path | None, vocoder: Path | None) -> Source:
    """The models of single files; the vocoder's may be a voice. Raises `VoiceError` for a model of another kind."""
    from kalakan.models import registry
    from kalakan.voices.weights import load_model, load_vocoder_of

    loaded = None
    if acoustic is not None:
        loaded = load_model(acoustic)
        if registry.entry(loaded.record.type).kind != "acoustic":
            raise VoiceError(f"{acoustic}: holds a {loaded.record.type}, which is no acoustic model")
    return Source(loaded, None if vocoder is None else load_vocoder_of(vocoder))


def _vocoder_of(voice: Voice) -> LoadedModel:
    from kalakan.models import registry
    from kalakan.voices.weights import LoadedModel, load_vocoder

    record, audio = voice.manifest.vocoder, voice.manifest.audio
    if registry.entry(record.type).task is None:
        module = registry.create(record.type, record.config, audio).eval().requires_grad_(False)
        return LoadedModel(module, record, audio)
    return LoadedModel(load_vocoder(voice), record, audio)
