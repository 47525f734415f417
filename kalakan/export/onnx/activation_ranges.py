"""Measures a graph's activations on examples: their ranges, for constant quantization scales, and their second moments,
for the rounding of weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kalakan.export.onnx.graphs import Graph
from kalakan.export.onnx.matmuls import EXACT, Matmul, products

BYTES = 255
"""Largest quantized activation."""
TAIL = 1e-5
"""Share of values clipped at each end of a range, which gives the others finer steps. Gave the smallest mel difference
among 0, 1e-6, 1e-5, 1e-4 and 3e-4 with Kalakan's own voice."""
EVERY = 3
"""Only every n-th frame is used to measure a range."""
MOST_WINDOWS = 128
"""Windows of an example, evenly spaced, that count for its moments."""


class Range(NamedTuple):
    """Minimum and maximum represented by a byte; the range includes 0."""

    low: float
    high: float
    moments: NDArray[np.float64] | None = None
    """Sum of x xᵀ [D, D] over the rows x [D] that the matrix multiplies, for `weight_rounding`: D is I, or I * K for
    the windows of a convolution. None if not measured."""

    def scale(self) -> tuple[np.float32, np.uint8]:
        """Quantization step, and zero point."""
        step = np.float32((self.high - self.low) / BYTES or 1.0)
        return step, np.uint8(np.clip(np.rint(-self.low / step), 0, BYTES))


def measure(
    model: Any,
    chosen: Collection[str],
    examples: Iterable[Mapping[str, NDArray[Any]]],
    exact: Collection[str] = EXACT,
) -> dict[str, Range]:
    """Range and moments of the activations that are multiplied with each initializer in `chosen`, a subset of
    `candidates(model, exact)`, over inputs of the graph.

    The initializers must be loaded. Values of an example without an input in the graph are ignored.
    """
    from kalakan.onnx_runtime import input_names

    found = {
        item.weight.source: item for item in products(Graph(model), exact) if item.weight.source in chosen
    }
    watched = sorted({item.source for item in found.values()})
    session = _session(model, watched)
    inputs = input_names(session)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in watched}
    moments: dict[str, NDArray[np.float64]] = {}
    for example in examples:
        feeds = {name: value for name, value in example.items() if name in inputs}
        values = dict(zip(watched, session.run(watched, feeds), strict=True))
        for name, value in values.items():
            seen[name].append(value.reshape(-1, value.shape[-1])[::EVERY].ravel())
        for weight, item in found.items():
            rows = _rows(item, values[item.source])
            moments[weight] = moments.get(weight, 0.0) + (rows.T @ rows).astype(np.float64)
    ranges = {name: _range(np.concatenate(values)) for name, values in seen.items()}
    return {weight: ranges[item.source]._replace(moments=moments[weight]) for weight, item in found.items()}


def _rows(product: Matmul, value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows [R, D] of an input [B, T, I] that the matrix multiplies, at most `MOST_WINDOWS` of each batch."""
    if product.convolution is not None:
        first, last = product.convolution.pads
        padded = np.pad(value, ((0, 0), (first, last), (0, 0)))
        kernel = product.weight.value.shape[2]
        value = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=1)  # [B, T', I, K]
    step = -(-value.shape[1] // MOST_WINDOWS)
    chosen = value[:, ::step]
    return np.ascontiguousarray(chosen.reshape(chosen.shape[0] * chosen.shape[1], -1))


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
