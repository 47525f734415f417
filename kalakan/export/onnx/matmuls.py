"""Finds the products of an exported graph that can be computed in integers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from kalakan.export.onnx.conv1d_to_2d import TimeConvolution, time_convolutions
from kalakan.export.onnx.graphs import Graph, Weight, attribute, readers

EXACT = ("durations", "log_durations", "pitch_output", "f0_output")
"""Outputs that stay bit-identical if an export asks for it (or for scales of each call): nothing that they depend on is
quantized. With constant scales, weights rounded by `weight_rounding` move F0 by a fiftieth of a semitone and the
duration of a sound by a fifth of a millisecond, before it is rounded to whole frames."""
LEAST_EXACT = ("f0_output",)
"""Outputs that stay bit-identical otherwise too: a vocoder's own F0, which Kalakan never computes."""
INTEGER = ("MatMulIntegerToFloat", "MatMulInteger")
"""Operators that multiply integers."""
QUANTIZED_FROM = 4096
"""Minimum elements of a quantized matrix: for smaller ones the overhead exceeds the gain."""


class Matmul(NamedTuple):
    """Product of activations and an initializer."""

    node: Any
    """MatMul or Conv."""
    source: str
    """Activations [B, T, I]."""
    target: str
    """Output [B, T, O]."""
    weight: Weight
    """[I, O], or [O, I, K] of a convolution."""
    convolution: TimeConvolution | None
    bias: str = ""
    """Bias [O]; empty for none."""


def candidates(model: Any, exact: Collection[str] = EXACT) -> set[str]:
    """Initializers that can be quantized: read only by products that no output in `exact` depends on."""
    graph = Graph(model)
    found = products(graph, exact)
    makers = {product.node.output[0] for product in found}
    return {
        product.weight.source
        for product in found
        if {node.output[0] for node in readers(graph, product.weight.source)} <= makers
    }


def keeps_exact(model: Any) -> bool:
    """Whether no output in `EXACT` depends on an integer product."""
    graph = Graph(model)
    return not any(graph.makers[name].op_type in INTEGER for name in graph.needed_for(EXACT))


def products(graph: Graph, exact: Collection[str] = EXACT) -> list[Matmul]:
    """All products that can be quantized, in graph order except for convolutions, which come last; none that an output
    in `exact` depends on."""
    skipped = graph.needed_for(exact)
    found = []
    for node in graph.proto.node:
        weight = graph.weight(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and weight.value.ndim == 2 and node.output[0] not in skipped:
            found.append(Matmul(node, node.input[0], node.output[0], weight, None))
    for item in time_convolutions(graph, skipped):
        if attribute(item.node, "group", 1) == 1 and item.weight.axes == (0, 1, 2):
            bias = item.node.input[2] if len(item.node.input) > 2 else ""
            found.append(Matmul(item.node, item.source, item.target, item.weight, item, bias))
    return [product for product in found if product.weight.value.size >= QUANTIZED_FROM]


def unmasked(graph: Graph, product: Matmul) -> tuple[str, str] | None:
    """Of a convolution whose input [B, T, I] is masked just before: the input without its mask, and the mask [B, T, 1]
    of 0 and 1. None for any other product."""
    made = graph.makers.get(product.source)
    if product.convolution is None or made is None or made.op_type != "Mul":
        return None
    value, mask = made.input
    column = graph.makers.get(mask)
    axes = graph.weight(column.input[1]) if column is not None and column.op_type == "Unsqueeze" else None
    cast = graph.makers.get(column.input[0]) if column is not None and axes is not None else None
    if axes is None or axes.value.tolist() != [2] or cast is None or cast.op_type != "Cast":
        return None
    decided = graph.makers.get(cast.input[0])
    is_mask = decided is not None and decided.op_type in ("Not", "Less", "Equal", "Greater")
    return (value, mask) if is_mask else None


def with_bias(graph: Graph, product: Matmul) -> Matmul:
    """The product with the constant [O] that the next node adds, if any."""
    after = graph.sole_user(product.target)
    if product.bias or after is None or after.op_type != "Add":
        return product
    (bias,) = (name for name in after.input if name != product.target)
    weight = graph.weight(bias)
    columns = product.weight.value.shape[0 if product.convolution else 1]
    if weight is None or weight.value.shape != (columns,):
        return product
    return product._replace(bias=bias, target=after.output[0])
