"""Builds TensorRT engines from ONNX graphs and caches them, because a build takes minutes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from kalakan.errors import ExportError
from kalakan.export.exporter import VOCODER, ExportOptions
from kalakan.storage import replacing

SUFFIX = ".engine"
WORKSPACE = 4 << 30
"""Maximum memory in bytes that a layer may use while kernels are selected."""
PHONEMES, FRAMES = (1, 64, 512), (1, 256, 4096)
"""Minimum, typical and maximum number of phonemes or frames; kernels are optimized for the typical number."""
BATCHES = (1, 1, 16)
"""The same for the batch size."""


def engine_of(graph: Any, role: str, options: ExportOptions) -> bytes:
    """The serialized engine of an ONNX graph, from the cache if this machine has built it before."""
    content = graph.SerializeToString()
    kept = cache_folder() / f"{key_of(content, options)}{SUFFIX}"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        plan = build(in_half(content) if options.half_weights else content, role)
        with replacing(kept) as partial:
            partial.write_bytes(plan)
    return kept.read_bytes()


def cache_folder() -> Path:
    """Folder of cached engines: in `XDG_CACHE_HOME`, otherwise in `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kalakan" / "tensorrt"


def key_of(content: bytes, options: ExportOptions) -> str:
    """Name of an engine in the cache, specific to the graph, precision, GPU, and version of each library."""
    import tensorrt

    index = torch.cuda.current_device()
    machine = (
        tensorrt.__version__,
        str(torch.version.cuda),
        torch.cuda.get_device_name(index),
        str(torch.cuda.get_device_capability(index)),
        options.floats,
    )
    digest = hashlib.sha256(content)
    for text in machine:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def build(content: bytes, role: str) -> bytes:
    """The serialized engine of an ONNX file: strongly typed, with one optimization profile for its dynamic axes.

    Raises `ExportError` with TensorRT's message if it rejects the graph.
    """
    import tensorrt

    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(logger)
    network = builder.create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(content):
        errors = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise ExportError(f"TensorRT refuses the graph ({errors[:300]})")
    settings = builder.create_builder_config()
    settings.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, WORKSPACE)
    profile = builder.create_optimization_profile()
    for name, shapes in profile_shapes(network, role):
        profile.set_shape(name, *shapes)
    settings.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, settings)
    if plan is None:
        raise ExportError("TensorRT built no engine; its log above says why")
    return bytes(plan)


def profile_shapes(network: Any, role: str) -> Iterator[tuple[str, list[tuple[int, ...]]]]:
    """Name, and minimum, typical and maximum shape, of each input with dynamic axes."""
    longest = FRAMES if role == VOCODER else PHONEMES
    for index in range(network.num_inputs):
        item = network.get_input(index)
        shape = tuple(item.shape)
        if -1 not in shape:
            continue
        yield (
            item.name,
            [
                tuple(
                    (batch if axis == 0 else length) if size == -1 else size
                    for axis, size in enumerate(shape)
                )
                for batch, length in zip(BATCHES, longest, strict=True)
            ],
        )


def in_half(content: bytes) -> bytes:
    """The graph with convolutions and matrix products in 16 bits, because a strongly typed engine takes its types from
    the graph. Sums, norms and everything that durations depend on stay in 32."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from kalakan.export.onnx.graphs import Graph, replace_nodes
    from kalakan.export.onnx.matmuls import EXACT

    model = onnx.load_model_from_string(content)
    graph = Graph(model)
    exact = graph.needed_for((*EXACT, "mel_lengths"))
    replacements: dict[str, list[Any]] = {}
    halves: set[str] = set()
    for node in model.graph.node:
        target = node.output[0]
        if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm") or target in exact:
            continue
        copy, nodes = onnx.NodeProto.FromString(node.SerializeToString()), []
        for place, name in enumerate(node.input):
            if not name:
                continue
            copy.input[place] = f"{name}.half"
            if name in halves:
                continue
            halves.add(name)
            if name in graph.initializers and name not in graph.inputs:
                value = numpy_helper.to_array(graph.initializers[name]).astype("float16")
                model.graph.initializer.append(numpy_helper.from_array(value, f"{name}.half"))
            else:
                nodes.append(helper.make_node("Cast", [name], [f"{name}.half"], to=TensorProto.FLOAT16))
        copy.output[0] = f"{target}.product"
        nodes += [copy, helper.make_node("Cast", [f"{target}.product"], [target], to=TensorProto.FLOAT)]
        replacements[target] = nodes
    replace_nodes(model, replacements)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
