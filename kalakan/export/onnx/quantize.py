"""Quantization of exported graphs: matrices in 7 bits with one scale per column, activations in 8.

The integer arithmetic of B. Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference" (CVPR 2018, section 2.1). The range of the activations is calibrated on
examples ("static": frames are independent of each other, so decoding in windows gives the same result), or computed by
each call from its input ("dynamic"). With examples, `weight_rounding` also rounds the weights by them.
Weights have 7 bits so that 16-bit sums on x86 processors without VNNI cannot overflow: all machines produce the same
audio.
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
from kalakan.export.onnx.fewer_nodes import fuse_attention
from kalakan.export.onnx.graphs import Graph, add_constant, replace_nodes
from kalakan.export.onnx.int8_nodes import MICROSOFT, multiply, round_input, window_rows
from kalakan.export.onnx.matmuls import (
    EXACT,
    QUANTIZED_FROM,
    Matmul,
    candidates,
    products,
    unmasked,
    with_bias,
)
from kalakan.export.onnx.weight_rounding import round_to
from kalakan.storage import replacing

LEVELS = 63
"""Largest quantized weight."""
CONTEXT = "context_frames"
"""Metadata key: number of frames at each end of a window without full context, or "none"."""


class Rounded(NamedTuple):
    """A quantized initializer: the graph reads integers under its name + `.int8` and their scales as `.scale`."""

    source: str
    """Its name."""
    values: NDArray[np.int8]
    """Integers in its shape."""
    scales: NDArray[np.float32]
    """One scale for each column of the product, shaped so that `values * scales` is the weight."""


def quantize_file(
    source: str | Path,
    target: str | Path,
    examples: Iterable[Mapping[str, NDArray[Any]]] | None = None,
    exact: Collection[str] = EXACT,
) -> None:
    """Writes a quantized, self-contained ONNX file with the same names, inputs, outputs and metadata.

    With `examples` of its inputs (see `calibration`), activations have constant scales calibrated on these; without,
    each call computes its own. Outputs in `exact` keep their bits. Raises `ExportError` for a file in which nothing can
    be quantized.
    """
    import onnx

    model = onnx.load(source)
    chosen = candidates(model, exact)
    if not chosen:
        raise ExportError(
            f"{source}: holds no product with a matrix of {QUANTIZED_FROM} elements or more to quantize; "
            "export it again if it is quantized already"
        )
    ranges = None if examples is None else measure(model, chosen, examples, exact)
    quantize_graph(model, chosen, ranges, exact)
    with replacing(Path(target)) as partial:
        partial.write_bytes(model.SerializeToString())


def quantize_graph(
    model: Any,
    chosen: Collection[str],
    ranges: Mapping[str, Range] | None = None,
    exact: Collection[str] = EXACT,
) -> list[Rounded]:
    """Quantizes the products with the initializers `chosen`, a subset of `candidates(model, exact)`, in place.

    `ranges` of the activations that are multiplied with each initializer give constant scales; without them each call
    computes its own, and the metadata state that the file needs whole sentences. The initializers must be loaded.
    Returns the quantized initializers; if there are any, the other convolutions are converted to a faster form too.
    """
    import onnx

    rounded: dict[str, Rounded] = {}
    inputs: dict[str, tuple[str, str, str]] = {}
    replacements: dict[str, list[Any]] = {}
    windows: dict[str, str] = {}
    graph = Graph(model)
    for product in products(graph, exact):
        source = product.weight.source
        if source not in chosen:
            continue
        if ranges is not None:
            product = with_bias(graph, product)
        nodes: list[Any] = []
        masked = None if ranges is None else unmasked(graph, product)
        read, rows = product.source, None
        if masked is not None and product.convolution is not None:
            read, mask = masked
            key = f"{mask}.{product.convolution.pads}.{product.weight.value.shape[2]}"
            if key not in windows:
                nodes, windows[key] = window_rows(model, mask, product.convolution)
            rows = windows[key]
        if read not in inputs:
            limits = None if ranges is None else ranges[source]
            more, inputs[read] = round_input(model, read, limits)
            nodes += more
        if source not in rounded:
            moments = None if ranges is None else ranges[source].moments
            rounded[source] = _round_weight(model, product, moments)
        nodes += multiply(model, product, inputs[read], ranges is not None, rows)
        replacements[product.node.output[0]] = nodes
        if product.target != product.node.output[0]:
            replacements[product.target] = []  # the transpose or bias after it
    if rounded:
        replace_nodes(model, replacements)
        if ranges is not None and EXACT[0] not in exact:
            fuse_attention(model)
        widen(model, skipped=Graph(model).needed_for(exact))
        if ranges is None:
            _mark_whole(model)
        elif all(item.domain != MICROSOFT for item in model.opset_import):
            model.opset_import.append(onnx.helper.make_opsetid(MICROSOFT, 1))
        onnx.checker.check_model(model, full_check=True)
    return list(rounded.values())


def _mark_whole(model: Any) -> None:
    """Marks in the metadata that a sentence cannot be decoded in windows: activation scales depend on the whole input
    of a call."""
    kept = [item for item in model.metadata_props if item.key != CONTEXT]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=CONTEXT, value="none")


def _round_weight(model: Any, product: Matmul, moments: NDArray[np.float64] | None) -> Rounded:
    """Symmetric quantization, one scale per column (Jacob et al., section 2.1, with a zero point of 0)."""
    weight = product.weight
    column = 0 if product.convolution is not None else weight.axes[1]
    value = weight.value.transpose(np.argsort(weight.axes))  # in the initializer's own order
    first = np.moveaxis(value, column, 0)
    rows = first.reshape(len(first), -1)  # [O, D]
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    scales = np.where(peaks > 0, peaks / LEVELS, 1.0).astype(np.float32)
    found = round_to(rows, scales, LEVELS, moments).reshape(first.shape)
    values = np.ascontiguousarray(np.moveaxis(found, 0, column))
    scales = np.moveaxis(scales.reshape(len(first), *[1] * (value.ndim - 1)), 0, column)
    add_constant(model, f"{weight.source}.int8", values)
    add_constant(model, f"{weight.source}.scale", scales)
    return Rounded(weight.source, values, scales)
