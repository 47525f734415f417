"""Ranges of a graph's activations, measured on examples: what constant scales are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kalakan.export.onnx.graphs import Graph
from kalakan.export.onnx.matmuls import products

BYTES = 255
"""Largest quantized activation."""
TAIL = 1e-5
"""Share of the values at each end that a range leaves out: they are clipped, and all others get finer steps. Least mel
difference of 0, 1e-6, 1e-5, 1e-4 and 3e-4 with Kalakan's own voice."""
EVERY = 3
"""One frame in so many is kept while a range is measured."""


class Range(NamedTuple):
    """Least and largest number that a byte stands for; 0 lies between them."""

    low: float
    high: float

    def scale(self) -> tuple[np.float32, np.uint8]:
        """Step between two bytes, and the byte of 0."""
        step = np.float32((self.high - self.low) / BYTES or 1.0)
        return step, np.uint8(np.clip(np.rint(-self.low / step), 0, BYTES))


def measure(
    model: Any, chosen: Collection[str], examples: Iterable[Mapping[str, NDArray[Any]]]
) -> dict[str, Range]:
    """Range of the activations that each initializer in `chosen` is multiplied with, over inputs of the graph.

    The initializers must be loaded. An example's values that the graph has no input for are left out.
    """
    from kalakan.onnx_runtime import input_names

    sources = {
        item.weight.source: item.source for item in products(Graph(model)) if item.weight.source in chosen
    }
    watched = sorted(set(sources.values()))
    session = _session(model, watched)
    inputs = input_names(session)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in watched}
    for example in examples:
        feeds = {name: value for name, value in example.items() if name in inputs}
        for name, value in zip(watched, session.run(watched, feeds), strict=True):
            seen[name].append(value.reshape(-1, value.shape[-1])[::EVERY].ravel())
    ranges = {name: _range(np.concatenate(values)) for name, values in seen.items()}
    return {weight: ranges[source] for weight, source in sources.items()}


def _session(model: Any, watched: Iterable[str]) -> Any:
    """A session of a copy of the graph that also gives the values `watched`."""
    import onnx

    from kalakan.onnx_runtime import checking_session

    copy = onnx.ModelProto.FromString(model.SerializeToString())
    known = {item.name for item in copy.graph.output}
    copy.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in watched
        if name not in known
    )
    return checking_session(copy.SerializeToString())


def _range(values: NDArray[np.float32]) -> Range:
    low, high = np.quantile(values, [TAIL, 1.0 - TAIL])
    return Range(min(float(low), 0.0), max(float(high), 0.0))
