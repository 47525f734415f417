"""Optional inputs in a form that onnxruntime loads without a warning.

A traced graph gives such an input a default: an initializer of the same name. onnxruntime warns about each of these
when it loads a file, since an initializer that is an input cannot be folded. A finished file therefore has inputs of
the type optional(tensor), and nodes that choose between the given value and the default
(https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html). The arithmetic is the same.
"""

from __future__ import annotations

from typing import Any

from kalakan.export.onnx.fewer_nodes import count_in_floats, gather_rows
from kalakan.export.onnx.graphs import all_nodes


def serialized(model: Any) -> bytes:
    """The bytes of the finished file for a traced graph, which is not modified: optional inputs, rows copied whole."""
    import onnx

    finished = onnx.ModelProto.FromString(model.SerializeToString())
    gather_rows(finished)
    count_in_floats(finished)
    make_optional(finished)
    return bytes(finished.SerializeToString())


def make_optional(model: Any) -> None:
    """Gives every input with a default the type optional(tensor), in place; other graphs do not change.

    The default becomes the initializer NAME.default, and nodes read NAME.value.
    """
    from onnx import helper

    defaults = {item.name: item for item in model.graph.initializer}
    given = [item for item in model.graph.input if item.name in defaults]
    names = {item.name: f"{item.name}.value" for item in given}
    for node in all_nodes(model.graph):
        node.input[:] = [names.get(name, name) for name in node.input]
    nodes = []
    for item in given:
        nodes += _choice(item)
        defaults[item.name].name = f"{item.name}.default"
        item.type.CopyFrom(helper.make_optional_type_proto(item.type))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)


def _choice(item: Any) -> list[Any]:
    """The nodes that make NAME.value of an input, which still has the type of a tensor."""
    from onnx import helper

    name, tensor = item.name, item.type.tensor_type
    shape = [None] * len(tensor.shape.dim)

    def branch(kind: str, source: str, target: str) -> Any:
        value = helper.make_tensor_value_info(target, tensor.elem_type, shape)
        return helper.make_graph([helper.make_node(kind, [source], [target])], target, [], [value])

    asked = f"{name}.is_given"
    return [
        helper.make_node("OptionalHasElement", [name], [asked]),
        helper.make_node(
            "If",
            [asked],
            [f"{name}.value"],
            then_branch=branch("OptionalGetElement", name, f"{name}.given"),
            else_branch=branch("Identity", f"{name}.default", f"{name}.usual"),
        ),
    ]
