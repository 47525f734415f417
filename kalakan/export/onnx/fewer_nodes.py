"""Rewrites parts of a graph that cost more nodes than arithmetic: on one thread, half of the encoder's time went there.

Rows of frames are copied whole instead of element by element, phonemes are counted in floats, and attention is a single
operator of onnxruntime.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kalakan.export.onnx.graphs import Graph, add_constant, attribute, replace_nodes
from kalakan.export.onnx.int8_nodes import MICROSOFT


def gather_rows(model: Any) -> None:
    """Copies rows of phonemes to frames as rows, in place: the same bits.

    torch's `gather` with an index that is expanded over the channels becomes `GatherElements`, which reads an index for
    each element; `GatherND` reads one for each row.
    """
    from onnx import helper

    graph = Graph(model)
    replacements: dict[str, list[Any]] = {}
    for node in graph.proto.node:
        expand = graph.makers.get(node.input[1]) if node.op_type == "GatherElements" else None
        column = graph.makers.get(expand.input[0]) if expand is not None else None
        if expand is None or column is None or attribute(node, "axis", 0) != 1:
            continue
        axes = graph.weight(column.input[1]) if column.op_type == "Unsqueeze" else None
        if expand.op_type == "Expand" and axes is not None and axes.value.tolist() == [2]:
            inputs = [node.input[0], column.output[0]]  # [B, N, C] and [B, T, 1]
            replacements[node.output[0]] = [
                helper.make_node("GatherND", inputs, [node.output[0]], batch_dims=1)
            ]
    if replacements:
        replace_nodes(model, replacements)


def count_in_floats(model: Any) -> None:
    """Counts true values in floats, in place: the same numbers, up to 2²⁴ of them.

    torch sums booleans as 64-bit integers, for which onnxruntime has no fast sum.
    """
    from onnx import TensorProto, helper

    graph = Graph(model)
    replacements: dict[str, list[Any]] = {}
    for node in graph.proto.node:
        cast = graph.makers.get(node.input[0]) if node.op_type == "ReduceSum" else None
        asked = graph.makers.get(cast.input[0]) if cast is not None and cast.op_type == "Cast" else None
        if cast is None or asked is None or asked.op_type not in ("GreaterOrEqual", "Less", "Equal", "Not"):
            continue
        if attribute(cast, "to", 0) != TensorProto.INT64 or graph.sole_user(cast.output[0]) is None:
            continue
        name = node.output[0]
        summed = helper.make_node("ReduceSum", [f"{name}.ones", *node.input[1:]], [f"{name}.count"])
        summed.attribute.extend(node.attribute)
        replacements[name] = [
            helper.make_node("Cast", [cast.input[0]], [f"{name}.ones"], to=TensorProto.FLOAT),
            summed,
            helper.make_node("Cast", [f"{name}.count"], [name], to=TensorProto.INT64),
        ]
    if replacements:
        replace_nodes(model, replacements)


class _Attention(NamedTuple):
    """The parts of a self-attention that the fused operator needs."""

    projected: str
    """Query, key and value side by side [B, T, 3 C]."""
    width: int
    """C."""
    heads: int
    mask: str
    """[B, T, 1], 0 where nothing stands."""
    target: str
    """The mixed values [B, T, C]."""
    last: Any
    """The node that makes them."""


def fuse_attention(model: Any) -> None:
    """Replaces every self-attention by onnxruntime's operator, in place; results are equal up to rounding."""
    from onnx import TensorProto, helper

    graph = Graph(model)
    found = [_match(graph, node) for node in graph.proto.node if node.op_type == "Softmax"]
    replacements: dict[str, list[Any]] = {}
    masks: dict[str, str] = {}
    for item in found:
        if item is None:
            continue
        nodes = []
        if item.mask not in masks:
            masks[item.mask] = f"{item.mask}.counts"
            flat = add_constant(model, f"{item.mask}.flat", np.array([2]))
            nodes = [
                helper.make_node("Squeeze", [item.mask, flat], [f"{item.mask}.row"]),
                helper.make_node(
                    "Cast", [f"{item.mask}.row"], [masks[item.mask]], to=TensorProto.INT32
                ),  # [B, T]
            ]
        sizes = add_constant(model, f"{item.target}.sizes", np.full(3, item.width))
        parts = [f"{item.target}.{name}" for name in ("query", "key", "value")]
        nodes += [
            helper.make_node("Split", [item.projected, sizes], parts, axis=2),
            helper.make_node(
                "MultiHeadAttention",
                [*parts, "", masks[item.mask]],
                [item.target],
                domain=MICROSOFT,
                num_heads=item.heads,
            ),
        ]
        replacements[item.last.output[0]] = nodes
    if replacements:
        replace_nodes(model, replacements)


def _match(graph: Graph, softmax: Any) -> _Attention | None:
    """The self-attention of `kalakan.models.layers.blocks` around a Softmax."""
    before = _back(
        graph, softmax.input[0], "Where", "Div", "MatMul", "Squeeze", "Split", "Transpose", "Reshape"
    )
    after = _ahead(graph, softmax.output[0], "MatMul", "Transpose", "Reshape")
    if before is None or after is None:
        return None
    where, (*_, reshape) = before[0], before
    mask = _back(graph, where.input[0], "Equal", "Unsqueeze", "Transpose")
    # Inputs of the shape [B, T, 3, heads, C / heads], which the graph puts together.
    shape = graph.makers.get(reshape.input[1])
    heads = graph.weight(shape.input[3]) if shape is not None and len(shape.input) == 5 else None
    bias = _bias(graph, reshape.input[0])
    if mask is None or heads is None or bias is None:
        return None
    return _Attention(
        reshape.input[0],
        bias // 3,
        int(heads.value.item()),
        mask[-1].input[0],
        after[-1].output[0],
        after[-1],
    )


def _back(graph: Graph, name: str, *kinds: str) -> list[Any] | None:
    """The nodes that make a value, of these kinds, each by its first input; the third of a Where."""
    found = []
    for kind in kinds:
        node = graph.makers.get(name)
        if node is None or node.op_type != kind:
            return None
        found.append(node)
        name = node.input[2 if kind == "Where" else 0]
    return found


def _ahead(graph: Graph, name: str, *kinds: str) -> list[Any] | None:
    """The only nodes that read a value, one after another, of these kinds."""
    found = []
    for kind in kinds:
        node = graph.sole_user(name)
        if node is None or node.op_type != kind:
            return None
        found.append(node)
        name = node.output[0]
    return found


def _bias(graph: Graph, name: str) -> int | None:
    """Size of the bias that a value is made with."""
    node = graph.makers.get(name)
    weights = (graph.weight(item) for item in node.input) if node is not None else ()
    sizes = [weight.value.size for weight in weights if weight is not None and weight.value.ndim == 1]
    return max(sizes, default=None)
