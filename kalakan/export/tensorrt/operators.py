"""Checks, without a GPU, which ONNX graphs TensorRT's parser accepts.

The table is that of TensorRT 10.0, which reads operator sets 9 to 20
(https://github.com/onnx/onnx-tensorrt/blob/10.0-GA/docs/operators.md).
"""

from __future__ import annotations

from typing import Any

from kalakan.export.onnx.graphs import all_nodes, replace_nodes

OPSETS = range(9, 21)
_NAMES = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil Celu
Clip Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DeformConv DepthToSpace DequantizeLinear Div
Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gelu Gemm
GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization GRU HardSigmoid
HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log
LogSoftmax Loop LRN LSTM LpNormalization LpPool MatMul Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul
Neg NonMaxSuppression NonZero Not OneHot Or Pad PRelu Pow QuantizeLinear RandomNormal RandomNormalLike RandomUniform
RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RNN RoiAlign Round Scan ScatterElements
ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt
Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
"""
SUPPORTED = frozenset(_NAMES.split())
FLOATS_ALONE = ("CumSum", "NonZero")
"""Operators that take floats but not integers or booleans."""


def reasons_against(model: Any) -> list[str]:
    """Why the parser would reject a graph; empty if it would accept it."""
    found = set()
    for item in model.opset_import:
        if item.domain in ("", "ai.onnx") and item.version not in OPSETS:
            found.add(f"operator set {item.version}")
    for node in all_nodes(model.graph):
        if node.domain not in ("", "ai.onnx"):
            found.add(f"{node.domain}.{node.op_type}")
        elif node.op_type not in SUPPORTED:
            found.add(node.op_type)
        elif node.op_type == "Loop" and len(node.output) > len(node.input) - 2:
            found.add("Loop whose number of steps is not known")
    types = value_types(model)
    for node in all_nodes(model.graph):
        if node.op_type in FLOATS_ALONE and types.get(node.input[0], "float") not in ("float", "float16"):
            found.add(f"{node.op_type} of {types[node.input[0]]}")
    if "double" in types.values():
        found.add("double precision, which it computes in single")
    return sorted(found)


def adapted(model: Any) -> Any:
    """A copy of a graph in which operators of `FLOATS_ALONE` get floats; sums of frames stay exact up to 2 ** 24."""
    import onnx
    from onnx import TensorProto, helper

    result = onnx.ModelProto.FromString(model.SerializeToString())
    types = value_types(result)
    names = {value: getattr(TensorProto, value.upper()) for value in ("int32", "int64", "bool")}
    replacements = {}
    for node in result.graph.node:
        kind = types.get(node.input[0]) if node.op_type in FLOATS_ALONE else None
        if kind not in names:
            continue
        source, target = node.input[0], node.output[0]
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        copy.input[0] = f"{target}.floats"
        nodes = [helper.make_node("Cast", [source], [f"{target}.floats"], to=TensorProto.FLOAT), copy]
        if node.op_type == "CumSum":  # the other always returns integers
            copy.output[0] = f"{target}.sums"
            nodes.append(helper.make_node("Cast", [f"{target}.sums"], [target], to=names[kind]))
        replacements[target] = nodes
    replace_nodes(result, replacements)
    return result


def value_types(model: Any) -> dict[str, str]:
    """Name of the element type of every value in the main graph that shape inference knows."""
    from onnx import TensorProto, shape_inference

    graph = shape_inference.infer_shapes(model).graph
    values = [*graph.value_info, *graph.input, *graph.output]
    types = {item.name: item.type.tensor_type.elem_type for item in values}
    types |= {item.name: item.data_type for item in graph.initializer}
    return {name: TensorProto.DataType.Name(kind).lower() for name, kind in types.items() if kind}
