"""One ONNX graph from phonemes to audio: the acoustic model's graph joined to the vocoder's."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from kalakan.errors import ExportError
from kalakan.export.onnx.acoustic import trace_acoustic
from kalakan.export.onnx.graphs import add_prefix, drop, prune, rename_values
from kalakan.export.onnx.tacotron2 import trace_tacotron2
from kalakan.export.onnx.vocoder import trace_vocoder
from kalakan.models.acoustic.tacotron2 import Tacotron2

_VOCODER = "vocoder."
"""Prefix of the vocoder's values in the joined graph."""


def trace_any_acoustic(model: Any, *, opset: int | None = None) -> Any:
    """The self-contained graph of an acoustic model of any type."""
    if isinstance(model, Tacotron2):
        return trace_tacotron2(model, opset=opset)
    return trace_acoustic(model, fold=True, opset=opset)


def trace_fused(acoustic: Any, vocoder: nn.Module, *, opset: int | None = None) -> Any:
    """The graph of `kalakan.export.fused.Fused`.

    Inputs are the acoustic model's; outputs audio_output [B, S], 0 past the end of each sentence, audio_lengths [B] in
    samples, and the acoustic model's.
    """
    import onnx

    first = trace_any_acoustic(acoustic, opset=opset)
    second = trace_vocoder(vocoder, fold=True, opset=opset)
    if first.opset_import[0].version != second.opset_import[0].version:
        raise ExportError("acoustic model and vocoder were traced with different operator sets")
    add_prefix(second.graph, _VOCODER)
    joined = onnx.ModelProto.FromString(first.SerializeToString())
    rename_values(second.graph, {f"{_VOCODER}mel_input": "mel_output"})
    outputs = {item.name for item in first.graph.output}
    if "pitch_output" in outputs and any(item.name == f"{_VOCODER}f0" for item in second.graph.input):
        drop(second.graph.initializer, {f"{_VOCODER}f0"})
        rename_values(second.graph, {f"{_VOCODER}f0": "pitch_output"})
    joined.graph.node.extend(second.graph.node)
    joined.graph.initializer.extend(second.graph.initializer)
    known = {(item.domain, item.version) for item in joined.opset_import}
    joined.opset_import.extend(i for i in second.opset_import if (i.domain, i.version) not in known)
    hop = vocoder.hop_length
    assert isinstance(hop, int), "every vocoder says how many samples a frame has"
    _cut(joined, f"{_VOCODER}audio_output", hop)
    prune(joined)
    onnx.checker.check_model(joined, full_check=True)
    return joined


def _cut(graph: Any, audio: str, hop_length: int) -> None:
    """Adds the outputs audio_output, which is the value `audio` with silence past each end, and audio_lengths."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: Any, kind: type) -> str:
        graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value, kind), f"cut.{name}"))
        return f"cut.{name}"

    hop, one = constant("hop", hop_length, np.int64), constant("one", 1, np.int64)
    column = constant("column", [1], np.int64)
    axis, zero = constant("axis", 1, np.int64), constant("zero", 0, np.int64)
    nodes = [
        helper.make_node("Mul", ["mel_lengths", hop], ["audio_lengths"]),
        helper.make_node("Shape", [audio], ["cut.shape"]),
        helper.make_node("Gather", ["cut.shape", axis], ["cut.size"], axis=0),
        helper.make_node("Range", [zero, "cut.size", one], ["cut.places"]),
        helper.make_node("Unsqueeze", ["audio_lengths", column], ["cut.ends"]),
        helper.make_node("Less", ["cut.places", "cut.ends"], ["cut.kept"]),
        helper.make_node("Cast", ["cut.kept"], ["cut.factor"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [audio, "cut.factor"], ["audio_output"]),
    ]
    graph.graph.node.extend(nodes)
    graph.graph.output.insert(
        0, helper.make_tensor_value_info("audio_output", TensorProto.FLOAT, ["batch", "samples"])
    )
    graph.graph.output.append(helper.make_tensor_value_info("audio_lengths", TensorProto.INT64, ["batch"]))
