"""Rewrites convolutions over time into the form that onnxruntime computes fastest."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from kalakan.export.onnx.graphs import Graph, Weight, add_constant, attribute, replace_nodes

_SWAP = (0, 2, 1)


class TimeConvolution(NamedTuple):
    """A Conv over time between two transposes: [B, T, I] to [B, T', O], stride 1, no dilation."""

    node: Any
    """The Conv."""
    source: str
    """Value [B, T, I] before the input transpose."""
    target: str
    """Value [B, T', O] after the output transpose."""
    weight: Weight
    """[O, I / groups, K]."""
    pads: tuple[int, int]
    """Zeros before the first and after the last frame."""


def time_convolutions(graph: Graph, skipped: Collection[str]) -> list[TimeConvolution]:
    """Every convolution of that form whose node (by its first output) is not skipped."""
    found = (_match(graph, node) for node in graph.proto.node if node.op_type == "Conv")
    return [item for item in found if item is not None and item.node.output[0] not in skipped]


def _match(graph: Graph, node: Any) -> TimeConvolution | None:
    before, after = graph.makers.get(node.input[0]), graph.sole_user(node.output[0])
    weight = graph.weight(node.input[1])
    if before is None or after is None or weight is None or weight.value.ndim != 3:
        return None
    swapped = all(
        item.op_type == "Transpose" and attribute(item, "perm", ()) == _SWAP for item in (before, after)
    )
    plain = attribute(node, "strides", (1,)) == (1,) == attribute(node, "dilations", (1,))
    if not swapped or not plain:
        return None
    first, last = attribute(node, "pads", (0, 0))
    return TimeConvolution(node, before.input[0], after.output[0], weight, (first, last))


def widen(model: Any, skipped: Collection[str]) -> None:
    """Converts convolutions over time to 2D with a height of 1; results are equal up to rounding.

    onnxruntime has kernels with a blocked channel layout for two dimensions only; they also absorb the transposes on
    both sides. Depthwise convolutions gain most.
    """
    graph = Graph(model)
    replacements: dict[str, list[Any]] = {}
    for item in time_convolutions(graph, skipped):
        replacements[item.node.output[0]] = _two_dimensional(model, item)
        replacements[graph.users[item.node.output[0]][0].output[0]] = []
    replace_nodes(model, replacements)


def _two_dimensional(model: Any, item: TimeConvolution) -> list[Any]:
    from onnx import helper

    name = item.node.output[0]
    high = add_constant(model, f"{name}.high", np.array([1]))
    flat = add_constant(model, f"{name}.flat", np.array([2]))
    groups = attribute(item.node, "group", 1)
    kernel = item.weight.value.shape[2]
    inputs = [f"{name}.picture", f"{name}.weight", *item.node.input[2:]]
    return [
        helper.make_node("Unsqueeze", [item.source, high], [f"{name}.frames"]),  # [B, 1, T, I]
        helper.make_node("Transpose", [f"{name}.frames"], [f"{name}.picture"], perm=(0, 3, 1, 2)),
        helper.make_node(
            "Unsqueeze", [item.node.input[1], flat], [f"{name}.weight"]
        ),  # [O, I / groups, 1, K]
        helper.make_node(
            "Conv",
            inputs,
            [f"{name}.wide"],
            kernel_shape=(1, kernel),
            pads=(0, item.pads[0], 0, item.pads[1]),
            group=groups,
        ),
        helper.make_node("Transpose", [f"{name}.wide"], [f"{name}.back"], perm=(0, 2, 3, 1)),
        helper.make_node("Squeeze", [f"{name}.back", high], [item.target]),
    ]
