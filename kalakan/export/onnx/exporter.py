"""ONNX files for onnxruntime and other runtimes; see `kalakan.export.exporter.Exporter`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kalakan.errors import ExportError, how_to_install
from kalakan.export.exporter import (
    ACOUSTIC,
    FUSED,
    VOCODER,
    ExportOptions,
    Source,
    Written,
    models_of,
    nothing_left,
    takes_controls,
)
from kalakan.export.onnx.acoustic import halve_weights
from kalakan.export.onnx.calibration import acoustic_inputs, vocoder_inputs
from kalakan.export.onnx.fused import trace_any_acoustic, trace_fused
from kalakan.export.onnx.lengths import add_lengths
from kalakan.export.onnx.matmuls import EXACT, LEAST_EXACT
from kalakan.export.onnx.optional_inputs import serialized
from kalakan.export.onnx.quantize import quantize_file
from kalakan.export.onnx.trace import OPSETS
from kalakan.export.onnx.vocoder import trace_vocoder
from kalakan.voices.identity import to_metadata
from kalakan.voices.single import sealed, texts_of


class OnnxExporter:
    """See `kalakan.export.exporter.Exporter`."""

    name = "onnx"
    runner = "onnx"

    def __init__(self, *, has_optional_types: bool = True) -> None:
        """Without `has_optional_types`, inputs that may be left out are tensors with an initializer: TensorRT's parser
        has no optional types."""
        self._has_optional_types = has_optional_types

    def missing(self) -> str | None:
        """See `Exporter`."""
        return (
            None if find_spec("onnx") else f"ONNX export needs the package onnx; {how_to_install('export')}"
        )

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """See `Exporter`."""
        if options.opset is not None and options.opset not in OPSETS:
            return (
                f"opset {options.opset} cannot be written; choose one from {OPSETS.start} to {OPSETS.stop - 1}, "
                "or leave --opset out"
            )
        if options.floats == "bf16":
            return "onnxruntime has no bf16 arithmetic on a CPU; give --precision fp16"
        if options.quantize == "weights":
            return "onnx computes its large products in 8 bits; give --quantize static or dynamic"
        if options.quantize == "static":
            return _no_static_scales(source)
        if options.fuse and source.vocoder is not None and nothing_left(Source(vocoder=source.vocoder)):
            return f"{source.vocoder.record.type} has no ONNX form; leave --fuse out, or give --format torchscript"
        return nothing_left(source)

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """See `Exporter`."""
        written = list(
            self._fused(source, folder, options) if options.fuse else self._apart(source, folder, options)
        )
        if options.quantize is not None:
            for item in written:
                examples = _examples(source, item.role, options)
                quantize_file(item.path, item.path, examples, EXACT if options.keeps_exact else LEAST_EXACT)
        if options.fuse and source.voice is not None:
            for item in written:
                item.path.write_bytes(sealed(item.path.read_bytes()))
        return written

    def check(self, written: Written) -> None:
        """See `Exporter`: onnx's checker and shape inference."""
        import onnx

        model = onnx.load(written.path)
        try:
            onnx.checker.check_model(model, full_check=True)
            onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise ExportError(
                f"{written.path.name}: is no valid ONNX ({str(error).splitlines()[0][:200]})"
            ) from error

    def _apart(self, source: Source, folder: Path, options: ExportOptions) -> Iterator[Written]:
        for role, model in models_of(source):
            if role == ACOUSTIC:
                graph = trace_any_acoustic(model.module, opset=options.opset)
                told = to_metadata(model.audio, model.record.config.get("speakers", ()))
            else:
                graph = trace_vocoder(model.module, fold=True, opset=options.opset)
                told = to_metadata(model.audio)
            told |= _records(source, role)
            yield self._save(graph, folder / f"{role}.onnx", role, told, options)

    def _fused(self, source: Source, folder: Path, options: ExportOptions) -> Iterator[Written]:
        acoustic, vocoder = source.acoustic, source.vocoder
        assert acoustic is not None and vocoder is not None, "checked by `export_files`"
        graph = trace_fused(acoustic.module, vocoder.module, opset=options.opset)
        told = to_metadata(acoustic.audio, acoustic.record.config.get("speakers", ())) | _records(
            source, FUSED
        )
        name = FUSED
        if source.voice is not None:
            told |= texts_of(source.voice.manifest, source.voice.path)
            name = source.voice.manifest.name
        yield self._save(graph, folder / f"{name}.onnx", FUSED, told, options)

    def _save(
        self, graph: Any, path: Path, role: str, told: dict[str, str], options: ExportOptions
    ) -> Written:
        if options.half_weights:
            halve_weights(graph)
        for key, value in told.items():
            graph.metadata_props.add(key=key, value=value)
        if self._has_optional_types:
            add_lengths(graph)
            path.write_bytes(serialized(graph))
        else:
            path.write_bytes(graph.SerializeToString())
        return Written(path, role)


def _records(source: Source, role: str) -> dict[str, str]:
    """Metadata: what the file holds, its models' types and sizes, and the license of their voice."""
    models = {ACOUSTIC: source.acoustic, VOCODER: source.vocoder}
    held = {key: model for key, model in models.items() if model is not None and role in (key, FUSED)}
    records = {key: {"type": model.record.type, "config": model.record.config} for key, model in held.items()}
    told = {"role": role, "models": json.dumps(records, ensure_ascii=False)}
    if source.voice is not None:
        told["license"] = source.voice.manifest.license
    return told


def _no_static_scales(source: Source) -> str | None:
    if source.acoustic is None:
        return "static scales are measured with an acoustic model; give one, or quantize dynamic"
    if not takes_controls(source.acoustic.module):
        return f"{source.acoustic.record.type} has no constant scales; give --quantize dynamic"
    return nothing_left(source)


def _examples(source: Source, role: str, options: ExportOptions) -> Any:
    """Inputs to measure constant scales with; None for scales of each call."""
    if options.quantize != "static":
        return None
    assert source.acoustic is not None, "checked by `refuses`"
    model: Any = source.acoustic.module
    return vocoder_inputs(model) if role == VOCODER else acoustic_inputs(len(model.config.speakers))
