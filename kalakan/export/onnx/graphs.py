"""Shared helpers of the ONNX graph passes: producers and consumers of values, and constants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Weight:
    """A constant that a node reads: an initializer, possibly through casts and transposes."""

    source: str
    """Name of the initializer."""
    value: NDArray[Any]
    """The value as the node reads it."""
    axes: tuple[int, ...]
    """Axis of the initializer for each axis of `value`."""


class Graph:
    """An index over the main graph of an ONNX model; rebuilt after each pass."""

    def __init__(self, model: Any) -> None:
        self.proto = model.graph
        self.inputs = {item.name for item in self.proto.input}
        self.initializers = {item.name: item for item in self.proto.initializer}
        self.makers = {name: node for node in self.proto.node for name in node.output}
        self.users: dict[str, list[Any]] = defaultdict(list)
        for node in self.proto.node:
            for name in names_read(node):
                self.users[name].append(node)

    def needed_for(self, outputs: Iterable[str]) -> set[str]:
        """First output's name of every node that one of these outputs depends on."""
        seen: set[str] = set()
        wanted = list(outputs)
        while wanted:
            node = self.makers.get(wanted.pop())
            if node is not None and node.output[0] not in seen:
                seen.add(node.output[0])
                wanted.extend(names_read(node))
        return seen

    def weight(self, name: str) -> Weight | None:
        """The constant `name`; None if it is not constant."""
        from onnx import numpy_helper

        if name in self.initializers and name not in self.inputs:
            value: NDArray[Any] = numpy_helper.to_array(self.initializers[name])
            return Weight(name, value, tuple(range(value.ndim)))
        node = self.makers.get(name)
        found = self.weight(node.input[0]) if node is not None and node.op_type in _VIEWS else None
        if node is None or found is None:
            return None
        if node.op_type == "Cast":
            return Weight(found.source, found.value.astype(np.float32), found.axes)
        order = attribute(node, "perm", tuple(reversed(found.axes)))
        return Weight(found.source, found.value.transpose(order), tuple(found.axes[axis] for axis in order))

    def sole_user(self, name: str) -> Any | None:
        """The only node that reads a value; None if there are others or if the value is a graph output."""
        is_output = any(item.name == name for item in self.proto.output)
        return self.users[name][0] if len(self.users[name]) == 1 and not is_output else None


_VIEWS = ("Cast", "Transpose")


def attribute(node: Any, name: str, default: Any) -> Any:
    """An integer attribute of a node, or a list of integers as a tuple."""
    for item in node.attribute:
        if item.name == name:
            return tuple(item.ints) if isinstance(default, tuple) else item.i
    return default


def names_read(node: Any) -> Iterator[str]:
    """Names of all values that a node reads, including those of its branches."""
    yield from node.input
    for branch in _branches(node):
        for inner in branch.node:
            yield from names_read(inner)


def all_nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a GraphProto, including those in branches."""
    for node in graph.node:
        yield node
        for branch in _branches(node):
            yield from all_nodes(branch)


def _branches(node: Any) -> Iterator[Any]:
    return (item.g for item in node.attribute if item.HasField("g"))


def readers(graph: Graph, name: str) -> Iterator[Any]:
    """The nodes that read a value, looking through casts and transposes."""
    for node in graph.users[name]:
        if node.op_type in _VIEWS and graph.users[node.output[0]]:
            yield from readers(graph, node.output[0])
        else:
            yield node


def replace_nodes(model: Any, replacements: Mapping[str, Sequence[Any]]) -> None:
    """Replaces nodes, given by their first output, with others, then removes everything unused."""
    import onnx

    nodes: list[Any] = []
    for node in model.graph.node:
        nodes.extend(replacements.get(node.output[0], [node]))
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    prune(model)


def prune(model: Any) -> None:
    """Removes the nodes and initializers that no graph output depends on."""
    graph = Graph(model)
    kept = graph.needed_for(item.name for item in model.graph.output)
    nodes = [node for node in model.graph.node if node.output[0] in kept]
    read = {name for node in nodes for name in names_read(node)} | {item.name for item in model.graph.output}
    read |= graph.inputs
    for index in reversed(range(len(model.graph.node))):
        if model.graph.node[index].output[0] not in kept:
            del model.graph.node[index]
    drop(model.graph.initializer, {item.name for item in model.graph.initializer} - read)


def add_constant(model: Any, name: str, value: NDArray[Any]) -> str:
    """Adds an initializer to the graph; returns its name."""
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
    return name


def compute_only_if(model: Any, condition: str, output: str, otherwise: Sequence[Any]) -> None:
    """Moves the nodes used only for the value `output` [A, B] (float) into an `If` on the value `condition`.

    `otherwise` are the nodes that compute it, under the name `output` + ".otherwise", if the condition is false.
    onnxruntime computes every node of a graph, needed or not, but only the selected branch of an `If`.
    """
    from onnx import TensorProto, helper

    graph = Graph(model)
    maker = graph.makers.pop(output)  # nodes that only lead to it are not needed for the rest
    rest = [item.name for item in model.graph.output if item.name != output]
    rest += [condition, *(name for node in otherwise for name in names_read(node))]
    rest += [name for reader in graph.users[output] for name in reader.output]
    kept = graph.needed_for(rest)
    computed, other = f"{output}.computed", f"{output}.otherwise"
    part = [node for node in model.graph.node if node.output[0] not in kept]
    for node in part:
        node.output[:] = [computed if name == output else name for name in node.output]
    branches = {
        key: helper.make_graph(
            nodes,
            f"{output}.{key}",
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None])],
        )
        for key, nodes, name in (("then_branch", part, computed), ("else_branch", otherwise, other))
    }
    choice = helper.make_node("If", [condition], [output], **branches)
    replacements: dict[str, list[Any]] = {node.output[0]: [] for node in part}
    replace_nodes(model, replacements | {maker.output[0]: [choice]})


def without_output(model: Any, output: str, *inputs: str) -> Any:
    """A copy of the model without an output, inputs, and everything used only for them."""
    import onnx

    result = onnx.ModelProto.FromString(model.SerializeToString())
    for items, names in (
        (result.graph.output, (output,)),
        (result.graph.input, inputs),
        (result.graph.initializer, inputs),
    ):
        drop(items, names)
    prune(result)
    return result


def rename_values(graph: Any, names: Mapping[str, str]) -> None:
    """Renames values of a GraphProto and its branches, in place, wherever they are made or read."""
    for items in (graph.input, graph.output, graph.initializer, graph.value_info):
        for item in items:
            item.name = names.get(item.name, item.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for branch in _branches(node):
            rename_values(branch, names)


def add_prefix(graph: Any, prefix: str) -> None:
    """Puts a prefix before the name of every value and node of a GraphProto and its branches, in place."""
    made = {item.name for items in (graph.input, graph.initializer) for item in items}
    for node in all_nodes(graph):
        node.name = node.name and f"{prefix}{node.name}"
        made.update(name for name in node.output if name)
    rename_values(graph, {name: f"{prefix}{name}" for name in made})


def drop(items: Any, names: Collection[str]) -> None:
    """Removes the inputs, outputs, nodes or initializers with these names from a repeated field of a graph."""
    for index in reversed(range(len(items))):
        if items[index].name in names:
            del items[index]
