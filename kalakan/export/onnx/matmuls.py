"""Finds the products of an exported graph that can be computed in integers."""

from __future__ import annotations

from typing import Any, NamedTuple

from kalakan.export.onnx.conv1d_to_2d import TimeConvolution, time_convolutions
from kalakan.export.onnx.graphs import Graph, Weight, attribute, readers

EXACT = ("durations", "log_durations", "pitch_output", "f0_output")
"""Outputs that stay bit-identical: nothing they depend on is quantized, so that tempo and tones do not change."""
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


def candidates(model: Any) -> set[str]:
    """Initializers that can be quantized: read only by products that no output in `EXACT` depends on."""
    graph = Graph(model)
    found = products(graph)
    makers = {product.node.output[0] for product in found}
    return {
        product.weight.source
        for product in found
        if {node.output[0] for node in readers(graph, product.weight.source)} <= makers
    }


def products(graph: Graph) -> list[Matmul]:
    """All products that can be quantized, in graph order except for convolutions, which come last."""
    exact = graph.needed_for(EXACT)
    found = []
    for node in graph.proto.node:
        weight = graph.weight(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and weight.value.ndim == 2 and node.output[0] not in exact:
            found.append(Matmul(node, node.input[0], node.output[0], weight, None))
    for item in time_convolutions(graph, exact):
        if attribute(item.node, "group", 1) == 1 and item.weight.axes == (0, 1, 2):
            bias = item.node.input[2] if len(item.node.input) > 2 else ""
            found.append(Matmul(item.node, item.source, item.target, item.weight, item, bias))
    return [product for product in found if product.weight.value.size >= QUANTIZED_FROM]


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
