"""Dynamic quantization of exported graphs: matrices in 7 bits with one scale a column, activations in 8 at run time.

The integer arithmetic of B. Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference" (CVPR 2018, section 2.1), with the activations' range taken from each input.
Weights have 7 bits so that the 16-bit sums of x86 processors without VNNI cannot overflow: the same sound everywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import ExportError
from kalakan.export.convolutions import TimeConvolution, time_convolutions, widen
from kalakan.export.graphs import Graph, Weight, add_constant, attribute, readers, replace_nodes
from kalakan.storage import replacing

EXACT = ("durations", "log_durations", "pitch_output", "f0_output")
"""Outputs that keep every bit: what they depend on is not quantized, so tempo and tones stay as they were."""
LEVELS = 63
"""Largest quantized weight."""
CONTEXT = "context_frames"
"""Key of a file's metadata: frames at each end of a window that lack their neighbors, or "none"."""
QUANTIZED_FROM = 4096
"""Smallest matrix, in elements, that is quantized: below it the work around the product costs more than it saves."""


class Rounded(NamedTuple):
    """An initializer that a graph now reads as integers, under its name + `.int8`, and their scales as `.scale`."""

    source: str
    """Its name."""
    values: NDArray[np.int8]
    """Integers in its shape."""
    scales: NDArray[np.float32]
    """One scale for each column of the product, shaped so that `values * scales` is the weight."""


class _Product(NamedTuple):
    node: Any
    """MatMul or Conv."""
    source: str
    """Activations [B, T, I]."""
    target: str
    """Output [B, T, O]."""
    weight: Weight
    """[I, O], or [O, I, K] of a convolution."""
    convolution: TimeConvolution | None


def quantize_file(source: str | Path, target: str | Path) -> None:
    """Writes the quantized form of an ONNX file, self-contained: the same names, inputs, outputs and metadata.

    Raises `ExportError` for a file in which nothing can be quantized.
    """
    import onnx

    model = onnx.load(source)
    if not quantize_graph(model, candidates(model)):
        raise ExportError(
            f"{source}: holds no product with a matrix of {QUANTIZED_FROM} elements or more to quantize; "
            "export it anew if it is quantized already"
        )
    with replacing(Path(target)) as partial:
        partial.write_bytes(model.SerializeToString())


def candidates(model: Any) -> set[str]:
    """Initializers that can be quantized: nothing reads them but products that no output in `EXACT` needs."""
    graph = Graph(model)
    products = _products(graph)
    makers = {product.node.output[0] for product in products}
    return {
        product.weight.source
        for product in products
        if {node.output[0] for node in readers(graph, product.weight.source)} <= makers
    }


def quantize_graph(model: Any, chosen: set[str]) -> list[Rounded]:
    """Quantizes the products with the initializers `chosen`, some of `candidates(model)`, in place.

    The initializers must be loaded. What was rounded is returned; if anything was, the convolutions that stay are
    brought into a faster form too.
    """
    import onnx

    products = [product for product in _products(Graph(model)) if product.weight.source in chosen]
    rounded: dict[str, Rounded] = {}
    quantized: dict[str, list[str]] = {}
    replacements: dict[str, list[Any]] = {}
    for product in products:
        nodes = _quantize_input(product.source, quantized)
        if product.weight.source not in rounded:
            rounded[product.weight.source] = _round_weight(model, product)
        nodes += _multiply(model, product, quantized[product.source])
        replacements[product.node.output[0]] = nodes
        if product.convolution is not None:
            replacements[product.target] = []  # the transpose behind it
    if rounded:
        replace_nodes(model, replacements)
        widen(model, skipped=Graph(model).needed_for(EXACT))
        _mark_whole(model)
        onnx.checker.check_model(model, full_check=True)
    return list(rounded.values())


def _mark_whole(model: Any) -> None:
    """Says in the metadata that windows of a sentence do not give its whole: activations are rounded by the range of
    all that a call brings."""
    kept = [item for item in model.metadata_props if item.key != CONTEXT]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=CONTEXT, value="none")


def _products(graph: Graph) -> list[_Product]:
    exact = graph.needed_for(EXACT)
    found = []
    for node in graph.proto.node:
        weight = graph.weight(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and weight.value.ndim == 2 and node.output[0] not in exact:
            found.append(_Product(node, node.input[0], node.output[0], weight, None))
    for item in time_convolutions(graph, exact):
        if attribute(item.node, "group", 1) == 1 and item.weight.axes == (0, 1, 2):
            found.append(_Product(item.node, item.source, item.target, item.weight, item))
    return [product for product in found if product.weight.value.size >= QUANTIZED_FROM]


def _round_weight(model: Any, product: _Product) -> Rounded:
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


def _quantize_input(name: str, quantized: dict[str, list[str]]) -> list[Any]:
    """The node that quantizes a value, unless there is one: bytes, scale, zero point."""
    from onnx import helper

    if name in quantized:
        return []
    quantized[name] = [f"{name}.{part}" for part in ("bytes", "step", "zero")]
    return [helper.make_node("DynamicQuantizeLinear", [name], quantized[name])]


def _multiply(model: Any, product: _Product, parts: list[str]) -> list[Any]:
    """Integer product, scaled back to floats."""
    from onnx import TensorProto, helper

    name, source = product.node.output[0], product.weight.source
    bytes_, step, zero = parts
    if product.convolution is None:
        nodes, matrix = _matrix(product, name)
    else:
        nodes, bytes_ = _unfold(model, product.convolution, bytes_, zero)
        more, matrix = _kernel_matrix(model, product, name)
        nodes += more
    row = add_constant(model, f"{name}.row", np.array([-1]))
    biases = product.node.input[2:]
    product_name = f"{name}.product" if biases else product.target
    nodes += [
        helper.make_node("MatMulInteger", [bytes_, matrix, zero], [f"{name}.sums"]),
        helper.make_node("Cast", [f"{name}.sums"], [f"{name}.floats"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", [f"{source}.scale", row], [f"{name}.columns"]),  # [O]
        helper.make_node("Mul", [step, f"{name}.columns"], [f"{name}.steps"]),
        helper.make_node("Mul", [f"{name}.floats", f"{name}.steps"], [product_name]),
    ]
    if biases:
        nodes.append(helper.make_node("Add", [product_name, biases[0]], [product.target]))
    return nodes


def _matrix(product: _Product, name: str) -> tuple[list[Any], str]:
    """The integers as a matrix [I, O]."""
    from onnx import helper

    values = f"{product.weight.source}.int8"
    if product.weight.axes == (0, 1):
        return [], values
    return [
        helper.make_node("Transpose", [values], [f"{name}.matrix"], perm=product.weight.axes)
    ], f"{name}.matrix"


def _kernel_matrix(model: Any, product: _Product, name: str) -> tuple[list[Any], str]:
    """The integers of a convolution [O, I, K] as a matrix [K * I, O]."""
    from onnx import helper

    outputs = product.weight.value.shape[0]
    shape = add_constant(model, f"{name}.shape", np.array([-1, outputs]))
    values = f"{product.weight.source}.int8"
    return [
        helper.make_node("Transpose", [values], [f"{name}.taps"], perm=(2, 1, 0)),
        helper.make_node("Reshape", [f"{name}.taps", shape], [f"{name}.matrix"]),
    ], f"{name}.matrix"


def _unfold(model: Any, item: TimeConvolution, bytes_: str, zero: str) -> tuple[list[Any], str]:
    """Bytes [B, T, I] to what a kernel of K frames sees, [B, T, K * I]."""
    from onnx import helper

    name = item.node.output[0]
    kernel = item.weight.value.shape[2]
    pads = add_constant(model, f"{name}.pads", np.array([0, item.pads[0], 0, 0, item.pads[1], 0]))
    time = add_constant(model, f"{name}.time", np.array([1]))
    nodes = [helper.make_node("Pad", [bytes_, pads, zero], [f"{name}.padded"])]
    for tap in range(kernel):
        end = tap + 1 - kernel if tap + 1 < kernel else np.iinfo(np.int64).max
        bounds = [
            add_constant(model, f"{name}.{side}{tap}", np.array([place]))
            for side, place in (("from", tap), ("to", end))
        ]
        nodes.append(helper.make_node("Slice", [f"{name}.padded", *bounds, time], [f"{name}.tap{tap}"]))
    taps = [f"{name}.tap{tap}" for tap in range(kernel)]
    nodes.append(helper.make_node("Concat", taps, [f"{name}.unfolded"], axis=2))
    return nodes, f"{name}.unfolded"
