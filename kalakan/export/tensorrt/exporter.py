"""TensorRT engines; see `kalakan.export.exporter.Exporter`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from kalakan.errors import ExportError
from kalakan.export.exporter import ExportOptions, Source, Written
from kalakan.export.onnx.exporter import OnnxExporter
from kalakan.export.tensorrt.engines import SUFFIX, engine_of
from kalakan.export.tensorrt.operators import adapted, reasons_against
from kalakan.models.acoustic.tacotron2 import Tacotron2
from kalakan.models.interfaces import takes_f0
from kalakan.voices.engine_file import with_facts


class TensorRtExporter:
    """Engines built from ONNX graphs for the GPU of this machine."""

    name = "tensorrt"
    runner = "tensorrt"

    def missing(self) -> str | None:
        """See `Exporter`."""
        if find_spec("tensorrt") is None:
            return (
                "TensorRT export needs the package tensorrt, which is not installed; pip install tensorrt on the "
                "machine with the GPU that will run the engine"
            )
        if not torch.cuda.is_available():
            return (
                "TensorRT builds an engine for the GPU that will run it, and there is none here; export there"
            )
        return None

    def refuses(self, source: Source, options: ExportOptions) -> str | None:
        """See `Exporter`."""
        if options.quantize is not None:
            return "TensorRT takes no 8-bit graphs of onnxruntime; leave --quantize out, --precision fp16 is fastest"
        if options.floats == "bf16":
            return "TensorRT engines are built in fp32 or fp16; give --precision fp16"
        if source.acoustic is not None and isinstance(source.acoustic.module, Tacotron2):
            return "tacotron2 decides by itself how many steps to take, and TensorRT's loops cannot; give a fastspeech2"
        if source.vocoder is not None and takes_f0(source.vocoder.module):
            return (
                f"{source.vocoder.record.type} adds up phases in double precision, which TensorRT lacks; "
                "give a hifigan or melgan"
            )
        return OnnxExporter().refuses(source, ExportOptions(opset=options.opset, fuse=options.fuse))

    def write(self, source: Source, folder: Path, options: ExportOptions) -> Sequence[Written]:
        """See `Exporter`."""
        written = []
        for item, graph in self.graphs(source, options):
            path = folder / f"{item.path.stem}{SUFFIX}"
            told = {entry.key: entry.value for entry in graph.metadata_props}
            path.write_bytes(with_facts(engine_of(graph, item.role, options), told))
            written.append(Written(path, item.role))
        return written

    def graphs(self, source: Source, options: ExportOptions) -> Iterator[tuple[Written, Any]]:
        """The ONNX graphs for the engines, in a form that TensorRT's parser accepts.

        Raises `ExportError` for a graph that it would reject.
        """
        import onnx

        plain = ExportOptions(opset=options.opset, fuse=options.fuse)
        with tempfile.TemporaryDirectory(prefix="kalakan-") as scratch:
            for item in OnnxExporter(has_optional_types=False).write(source, Path(scratch), plain):
                graph = adapted(onnx.load(item.path))
                reasons = reasons_against(graph)
                if reasons:
                    raise ExportError(
                        f"{item.path.name}: TensorRT has no {', '.join(reasons)}; export to another format"
                    )
                yield item, graph

    def check(self, written: Written) -> None:
        """See `Exporter`."""
