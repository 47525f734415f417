"""Quantization of exported graphs: matrices in 7 bits with one scale a column, activations in 8.

The integer arithmetic of B. Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference" (CVPR 2018, section 2.1). The range of the activations is measured beforehand on
examples ("static": what a frame becomes does not depend on the others, so windows give the whole), or by each call on
what it is given ("dynamic").
Weights have 7 bits so that the 16-bit sums of x86 processors without VNNI cannot overflow: the same sound everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import ExportError
from kalakan.export.onnx.activation_ranges import Range, measure
from kalakan.export.onnx.conv1d_to_2d import widen
from kalakan.export.onnx.graphs import Graph, add_constant, replace_nodes
from kalakan.export.onnx.int8_nodes import MICROSOFT, multiply, round_input
from kalakan.export.onnx.matmuls import EXACT, QUANTIZED_FROM, Matmul, candidates, products, with_bias
from kalakan.storage import replacing

LEVELS = 63
"""Largest quantized weight."""
CONTEXT = "context_frames"
"""Key of a file's metadata: frames at each end of a window that lack their neighbors, or "none"."""


class Rounded(NamedTuple):
    """An initializer that a graph now reads as integers, under its name + `.int8`, and their scales as `.scale`."""

    source: str
    """Its name."""
    values: NDArray[np.int8]
    """Integers in its shape."""
    scales: NDArray[np.float32]
    """One scale for each column of the product, shaped so that `values * scales` is the weight."""


def quantize_file(
    source: str | Path, target: str | Path, examples: Iterable[Mapping[str, NDArray[Any]]] | None = None
) -> None:
    """Writes the quantized form of an ONNX file, self-contained: the same names, inputs, outputs and metadata.

    With `examples` of its inputs (see `calibration`) activations have constant scales, measured on these; without, each
    call measures its own. Raises `ExportError` for a file in which nothing can be quantized.
    """
    import onnx

    model = onnx.load(source)
    chosen = candidates(model)
    if not chosen:
        raise ExportError(
            f"{source}: holds no product with a matrix of {QUANTIZED_FROM} elements or more to quantize; "
            "export it again if it is quantized already"
        )
    quantize_graph(model, chosen, None if examples is None else measure(model, chosen, examples))
    with replacing(Path(target)) as partial:
        partial.write_bytes(model.SerializeToString())


def quantize_graph(
    model: Any, chosen: Collection[str], ranges: Mapping[str, Range] | None = None
) -> list[Rounded]:
    """Quantizes the products with the initializers `chosen`, some of `candidates(model)`, in place.

    `ranges` of the activations that each initializer is multiplied with make constant scales; without them each call
    measures its own, and the file says that it needs whole sentences. The initializers must be loaded. What was rounded
    is returned; if anything was, the convolutions that stay are brought into a faster form too.
    """
    import onnx

    rounded: dict[str, Rounded] = {}
    inputs: dict[str, tuple[str, str, str]] = {}
    replacements: dict[str, list[Any]] = {}
    graph = Graph(model)
    for product in products(graph):
        source = product.weight.source
        if source not in chosen:
            continue
        if ranges is not None:
            product = with_bias(graph, product)
        nodes: list[Any] = []
        if product.source not in inputs:
            limits = None if ranges is None else ranges[source]
            nodes, inputs[product.source] = round_input(model, product.source, limits)
        if source not in rounded:
            rounded[source] = _round_weight(model, product)
        nodes += multiply(model, product, inputs[product.source], ranges is not None)
        replacements[product.node.output[0]] = nodes
        if product.target != product.node.output[0]:
            replacements[product.target] = []  # the transpose or the bias behind it
    if rounded:
        replace_nodes(model, replacements)
        widen(model, skipped=Graph(model).needed_for(EXACT))
        if ranges is None:
            _mark_whole(model)
        elif all(item.domain != MICROSOFT for item in model.opset_import):
            model.opset_import.append(onnx.helper.make_opsetid(MICROSOFT, 1))
        onnx.checker.check_model(model, full_check=True)
    return list(rounded.values())


def _mark_whole(model: Any) -> None:
    """Says in the metadata that windows of a sentence do not give its whole: activations are rounded by the range of
    all that a call brings."""
    kept = [item for item in model.metadata_props if item.key != CONTEXT]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=CONTEXT, value="none")


def _round_weight(model: Any, product: Matmul) -> Rounded:
    """Symmetric rounding, one scale a column (Jacob et al., section 2.1, with a zero point of 0)."""
    weight = product.weight
    column = 0 if product.convolution is not None else weight.axes[1]
    value = weight.value.transpose(np.argsort(weight.axes))  # in the initializer's own order
    others = tuple(axis for axis in range(value.ndim) if axis != column)
    peaks = np.abs(value).max(axis=others, keepdims=True)
    scales = np.where(peaks > 0, peaks / LEVELS, 1.0).astype(np.float32)
    values = np.round(value / scales).astype(np.int8)
    add_constant(model, f"{weight.source}.int8", values)
    add_constant(model, f"{weight.source}.scale", scales)
    return Rounded(weight.source, values, scales)
