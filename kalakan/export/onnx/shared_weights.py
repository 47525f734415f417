"""Shares one copy of the weights in a voice: `acoustic.onnx` reads its tensors from `acoustic.safetensors`.

ONNX may keep a tensor in another file at an offset ("external data"), and safetensors is a JSON header followed by
the bare bytes of each tensor, so the ONNX file needs to hold only the graph.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

from torch import Tensor

from kalakan.errors import ExportError

HALF_FROM = 1024
"""Smallest tensor, in elements, that is stored in 16 bits: biases and norms are too few to save anything."""


class Slice(NamedTuple):
    """Location of a tensor in a safetensors file."""

    dtype: str
    """safetensors type name: F32, F16, …"""
    offset: int
    """Offset of the first byte from the start of the file."""
    size: int
    """Size in bytes."""


def halve(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state with its large float tensors rounded to 16 bits."""
    return {
        name: value.half() if value.dtype.is_floating_point and value.numel() >= HALF_FROM else value
        for name, value in state.items()
    }


def read_layout(content: bytes) -> dict[str, Slice]:
    """Location of each tensor in the bytes of a safetensors file."""
    (header_size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + header_size])
    layout = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            layout[name] = Slice(entry["dtype"], 8 + header_size + start, end - start)
    return layout


def point_at(tensor: Any, place: Slice, file_name: str) -> None:
    """Makes an initializer read its bytes from a location in another file."""
    from onnx import TensorProto

    types = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "I8": TensorProto.INT8}
    shared = TensorProto(
        name=tensor.name,
        dims=tensor.dims,
        data_type=types[place.dtype],
        data_location=TensorProto.EXTERNAL,
    )
    for key, value in (("location", file_name), ("offset", place.offset), ("length", place.size)):
        shared.external_data.add(key=key, value=str(value))
    tensor.CopyFrom(shared)


def share_weights(graph: Any, prefix: str, weights: bytes, file_name: str) -> None:
    """Points the graph's parameters (`prefix` + name) at their bytes in `file_name`, whose content is `weights`.

    16-bit tensors are cast to 32 bits when read. Raises `ExportError` if no parameter is shared.
    """
    from onnx import TensorProto, helper

    layout = read_layout(weights)
    casts = []
    for tensor in graph.graph.initializer:
        name = tensor.name
        place = layout.get(name.removeprefix(prefix))
        if place is None or tensor.data_type != TensorProto.FLOAT or place.dtype not in ("F32", "F16"):
            continue
        is_half = place.dtype == "F16"
        if is_half:
            tensor.name = f"{name}.half"
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
        point_at(tensor, place, file_name)
    if not any(tensor.data_location == TensorProto.EXTERNAL for tensor in graph.graph.initializer):
        raise ExportError(f"no parameter of the exported graph was found in {file_name}")
    for node in reversed(casts):
        graph.graph.node.insert(0, node)
