"""Traces a torch module to a simplified ONNX graph: the only place that calls the exporter."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from kalakan.export.onnx.graphs import all_nodes, drop, names_read

OPSET = 17
"""Default operator set of exported graphs."""
OPSETS = range(16, 21)
"""Operator sets that torch's exporter and these passes know; the last one is the newest that it writes."""
_SHAPING = ["MatMulAddFusion", "TransposeOptimizer"]
"""Disabled passes: they rewrite products and convolutions into forms that `quantize` does not recognize."""


def trace_module(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
    *,
    fold: bool = False,
    opset: int | None = None,
) -> Any:
    """The graph of a module's forward pass, simplified. `axes` are the dynamic ones of each input and output.

    Without constant folding, parameters keep their torch names and bytes.
    """
    import onnx

    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns about every dynamic shape, and is itself deprecated; the other exporter needs onnxscript.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),  # the exporter restores the mode it finds here
            example,
            cast(Any, buffer),  # typed as a path; a file object is documented and works
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET if opset is None else opset,
            do_constant_folding=fold,
            dynamo=False,
        )
    return simplified(onnx.load_model_from_string(buffer.getvalue()))


def simplified(model: Any) -> Any:
    """The same graph with about half the nodes: constants folded, equal nodes merged, redundant casts removed.

    A smaller graph loads faster. Uses onnxruntime's basic optimizations, which are machine-independent; while they
    run, the float initializers are inputs, so that none is folded and all keep their names and bytes.
    """
    import onnx
    from onnx import TensorProto, helper

    from kalakan.onnx_runtime import onnxruntime

    inputs = {item.name for item in model.graph.input}
    held = [
        item
        for item in model.graph.initializer
        if item.name not in inputs and item.data_type == TensorProto.FLOAT
    ]
    bare = onnx.ModelProto.FromString(model.SerializeToString())
    names = {item.name for item in held}
    drop(bare.graph.initializer, names)
    bare.graph.input.extend(
        helper.make_tensor_value_info(item.name, item.data_type, list(item.dims)) for item in held
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "simplified.onnx")
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            bare.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=_SHAPING,
        )
        result = onnx.load(path)
    drop(result.graph.input, names)
    read = {name for node in result.graph.node for name in names_read(node)}
    result.graph.initializer.extend(item for item in held if item.name in read)
    domains = {node.domain for node in all_nodes(result.graph)}
    imports = [item for item in result.opset_import if item.domain in domains]
    del result.opset_import[:]
    result.opset_import.extend(imports)
    return result
