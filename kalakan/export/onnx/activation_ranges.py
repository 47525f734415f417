"""Measures ranges of a graph's activations on examples, for constant quantization scales."""

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
"""Share of values clipped at each end of a range, which gives the others finer steps. Gave the smallest mel difference
among 0, 1e-6, 1e-5, 1e-4 and 3e-4 with Kalakan's own voice."""
EVERY = 3
"""Only every n-th frame is used to measure a range."""


class Range(NamedTuple):
    """Minimum and maximum represented by a byte; the range includes 0."""

    low: float
    high: float

    def scale(self) -> tuple[np.float32, np.uint8]:
        """Quantization step, and zero point."""
        step = np.float32((self.high - self.low) / BYTES or 1.0)
        return step, np.uint8(np.clip(np.rint(-self.low / step), 0, BYTES))


def measure(
    model: Any, chosen: Collection[str], examples: Iterable[Mapping[str, NDArray[Any]]]
) -> dict[str, Range]:
    """Range of the activations that are multiplied with each initializer in `chosen`, over inputs of the graph.

    The initializers must be loaded. Values of an example without an input in the graph are ignored.
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
    """A session of a copy of the graph with the values `watched` as additional outputs."""
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
