"""Nodes for integer products: activations quantized to bytes, 8-bit matrices, rescaled to floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from kalakan.export.onnx.activation_ranges import Range
from kalakan.export.onnx.conv1d_to_2d import TimeConvolution
from kalakan.export.onnx.graphs import add_constant
from kalakan.export.onnx.matmuls import Matmul

MICROSOFT = "com.microsoft"
"""Domain of onnxruntime's operators outside the ONNX standard."""


def round_input(model: Any, name: str, limits: Range | None) -> tuple[list[Any], tuple[str, str, str]]:
    """Nodes that quantize a value to bytes, and the names of bytes, scale and zero point.

    With limits, scale and zero point are constants; without, they are computed from each call's minimum and maximum.
    """
    from onnx import helper

    parts = (f"{name}.bytes", f"{name}.step", f"{name}.zero")
    if limits is None:
        return [helper.make_node("DynamicQuantizeLinear", [name], list(parts))], parts
    step, zero = limits.scale()
    add_constant(model, parts[1], np.asarray(step))
    add_constant(model, parts[2], np.asarray(zero))
    return [helper.make_node("QuantizeLinear", [name, *parts[1:]], [parts[0]])], parts


def multiply(
    model: Any, product: Matmul, parts: tuple[str, str, str], is_static: bool, windows: str | None = None
) -> list[Any]:
    """Integer product of quantized activations, rescaled to floats, with bias.

    `windows` are the indices of `window_rows`; `parts` then are those of the unmasked activations.
    """
    from onnx import helper

    name, source = product.node.output[0], product.weight.source
    bytes_, step, zero = parts
    if product.convolution is None:
        nodes, matrix = _matrix(product, name)
    else:
        if windows is None:
            nodes, bytes_ = _unfold(model, product.convolution, bytes_, zero)
        else:
            nodes, bytes_ = _gather(model, product.convolution, bytes_, zero, windows)
        more, matrix = _kernel_matrix(model, product, name)
        nodes += more
    row = add_constant(model, f"{name}.row", np.array([-1]))
    nodes.append(helper.make_node("Reshape", [f"{source}.scale", row], [f"{name}.columns"]))  # [O]
    inputs = [bytes_, matrix, step, f"{name}.columns", zero]
    return nodes + (_at_once(product, inputs) if is_static else _in_steps(product, inputs))


def _at_once(product: Matmul, inputs: list[str]) -> list[Any]:
    """A single fused node: onnxruntime fuses the nodes of a dynamic product itself, but not those with constants."""
    from onnx import helper

    inputs = [*inputs, "", product.bias] if product.bias else inputs  # "": no zero points of the columns
    return [helper.make_node("MatMulIntegerToFloat", inputs, [product.target], domain=MICROSOFT)]


def _in_steps(product: Matmul, inputs: list[str]) -> list[Any]:
    from onnx import TensorProto, helper

    name = product.node.output[0]
    bytes_, matrix, step, columns, zero = inputs
    product_name = f"{name}.product" if product.bias else product.target
    nodes = [
        helper.make_node("MatMulInteger", [bytes_, matrix, zero], [f"{name}.sums"]),
        helper.make_node("Cast", [f"{name}.sums"], [f"{name}.floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [step, columns], [f"{name}.steps"]),
        helper.make_node("Mul", [f"{name}.floats", f"{name}.steps"], [product_name]),
    ]
    if product.bias:
        nodes.append(helper.make_node("Add", [product_name, product.bias], [product.target]))
    return nodes


def _matrix(product: Matmul, name: str) -> tuple[list[Any], str]:
    """The integer weights as a matrix [I, O]."""
    from onnx import helper

    values = f"{product.weight.source}.int8"
    if product.weight.axes == (0, 1):
        return [], values
    return [
        helper.make_node("Transpose", [values], [f"{name}.matrix"], perm=product.weight.axes)
    ], f"{name}.matrix"


def _kernel_matrix(model: Any, product: Matmul, name: str) -> tuple[list[Any], str]:
    """The integer weights of a convolution [O, I, K] as a matrix [K * I, O]."""
    from onnx import helper

    outputs = product.weight.value.shape[0]
    shape = add_constant(model, f"{name}.shape", np.array([-1, outputs]))
    values = f"{product.weight.source}.int8"
    return [
        helper.make_node("Transpose", [values], [f"{name}.taps"], perm=(2, 1, 0)),
        helper.make_node("Reshape", [f"{name}.taps", shape], [f"{name}.matrix"]),
    ], f"{name}.matrix"


def _unfold(model: Any, item: TimeConvolution, bytes_: str, zero: str) -> tuple[list[Any], str]:
    """Unfolds bytes [B, T, I] to the windows of a kernel of K frames, [B, T, K * I]."""
    from onnx import helper

    name = item.node.output[0]
    kernel = item.weight.value.shape[2]
    pads = add_constant(model, f"{name}.pads", np.array([0, item.pads[0], 0, 0, item.pads[1], 0]))
    nodes = [helper.make_node("Pad", [bytes_, pads, zero], [f"{name}.padded"])]
    return nodes + _taps(model, name, kernel), f"{name}.unfolded"


def _taps(model: Any, name: str, kernel: int) -> list[Any]:
    """Nodes that put `kernel` neighbors of NAME.padded [B, T', I] side by side: NAME.unfolded [B, T, K * I]."""
    from onnx import helper

    time = add_constant(model, f"{name}.frames", np.array([1]))
    nodes = []
    for tap in range(kernel):
        end = tap + 1 - kernel if tap + 1 < kernel else np.iinfo(np.int64).max
        bounds = [
            add_constant(model, f"{name}.{side}{tap}", np.array([place]))
            for side, place in (("from", tap), ("to", end))
        ]
        nodes.append(helper.make_node("Slice", [f"{name}.padded", *bounds, time], [f"{name}.tap{tap}"]))
    taps = [f"{name}.tap{tap}" for tap in range(kernel)]
    nodes.append(helper.make_node("Concat", taps, [f"{name}.unfolded"], axis=2))
    return nodes


def window_rows(model: Any, mask: str, item: TimeConvolution) -> tuple[list[Any], str]:
    """Nodes that find the rows of each window of a convolution's kernel of K frames, and the name of their indices
    [B, T, K, 1] into the frames with a row of zeros before them, which stands for what `mask` [B, T, 1] leaves out.

    Convolutions with the same mask and kernel share them.
    """
    from onnx import TensorProto, helper

    kernel = item.weight.value.shape[2]
    first, last = item.pads
    name = f"{mask}.windows{kernel}.{first}"

    def constant(of: str, *values: int) -> str:
        return add_constant(model, f"{name}.{of}", np.array(values))

    pads = constant("pads", 0, first, 0, 0, last, 0)
    axis, time = constant("axis", 3), add_constant(model, f"{name}.time", np.array(1))
    nodes = [
        helper.make_node("Shape", [mask], [f"{name}.size"]),
        helper.make_node(
            "ConstantOfShape",
            [f"{name}.size"],
            [f"{name}.ones"],
            value=helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        ),
        helper.make_node("CumSum", [f"{name}.ones", time], [f"{name}.places"]),
        helper.make_node("Cast", [mask], [f"{name}.counts"], to=TensorProto.INT64),
        helper.make_node("Mul", [f"{name}.places", f"{name}.counts"], [f"{name}.rows"]),
        helper.make_node("Pad", [f"{name}.rows", pads], [f"{name}.padded"]),
    ]
    nodes += _taps(model, name, kernel)
    nodes.append(helper.make_node("Unsqueeze", [f"{name}.unfolded", axis], [name]))
    return nodes, name


def _gather(model: Any, item: TimeConvolution, bytes_: str, zero: str, windows: str) -> tuple[list[Any], str]:
    """Unfolds bytes [B, T, I] to windows [B, T, K * I] by the indices of `window_rows`."""
    from onnx import helper

    name = item.node.output[0]
    kernel, width = item.weight.value.shape[2], item.weight.value.shape[1]
    pads = add_constant(model, f"{name}.pads", np.array([0, 1, 0, 0, 0, 0]))
    flat = add_constant(model, f"{name}.flat", np.array([0, 0, kernel * width]))
    return [
        helper.make_node("Pad", [bytes_, pads, zero], [f"{name}.padded"]),
        helper.make_node("GatherND", [f"{name}.padded", windows], [f"{name}.rows"], batch_dims=1),
        helper.make_node("Reshape", [f"{name}.rows", flat], [f"{name}.unfolded"]),
    ], f"{name}.unfolded"
