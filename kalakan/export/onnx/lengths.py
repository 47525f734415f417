"""The input `lengths` of a file that takes phonemes: how many ids of each row count, whatever stands behind them.

Models know padding by its id. A caller who keeps lengths beside the ids, as other toolkits do, needs none then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kalakan.export.onnx.graphs import all_nodes

LENGTHS = "lengths"
_IDS = "phonemes"


def add_lengths(model: Any) -> None:
    """Gives a traced graph of phonemes int64 [B, N] the input `lengths` int64 [B] or [1], in place.

    Ids from a row's length on become padding; by default all count. A graph without phonemes stays as it is.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    if not any(item.name == _IDS for item in graph.input):
        return
    padded = f"{_IDS}.padded"
    for node in all_nodes(graph):
        node.input[:] = [padded if name == _IDS else name for name in node.input]

    def name(of: str) -> str:
        return f"{LENGTHS}.{of}"

    constants = {"zero": np.array(0), "one": np.array(1), "last": np.array([-1])}
    graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.int64), name(of)) for of, value in constants.items()
    )
    nodes = (
        helper.make_node("Shape", [_IDS], [name("shape")]),
        helper.make_node("Gather", [name("shape"), name("one")], [name("size")]),
        helper.make_node("Range", [name("zero"), name("size"), name("one")], [name("places")]),
        helper.make_node("Unsqueeze", [LENGTHS, name("last")], [name("column")]),
        helper.make_node("Less", [name("places"), name("column")], [name("count")]),
        helper.make_node("Where", [name("count"), _IDS, name("zero")], [padded]),
    )
    for node in reversed(nodes):
        graph.node.insert(0, node)
    graph.input.append(helper.make_tensor_value_info(LENGTHS, TensorProto.INT64, [f"{LENGTHS}_batch"]))
    everything = np.array([np.iinfo(np.int64).max])
    graph.initializer.append(numpy_helper.from_array(everything, LENGTHS))
