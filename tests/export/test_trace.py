from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from kalakan.export.onnx.graphs import all_nodes
from kalakan.export.onnx.trace import simplified, trace_module

AXES = {"given": {0: "batch", 1: "frames"}, "made": {0: "batch", 1: "frames"}}


class Roundabout(nn.Module):
    """Much work for little: shapes asked for twice, constants added up, a cast to what it is."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(3).float().sum() * 2.0
        one = self.linear(x).view(x.shape[0], x.shape[1], 2, 2).float()
        other = torch.zeros(x.shape[0], x.shape[1], 2, 2).to(one.dtype)
        return (one + other + steps).reshape(x.shape[0], x.shape[1], 4)


@pytest.fixture(scope="module")
def module() -> Roundabout:
    torch.manual_seed(0)
    return Roundabout().eval()


@pytest.fixture(scope="module")
def graph(module: Roundabout) -> Any:
    return trace_module(module, (torch.zeros(2, 3, 4),), ["given"], ["made"], AXES)


def _run(graph: Any, feeds: dict[str, Any]) -> Any:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (1, 63), (3, 5)])
def test_a_simplified_graph_says_the_same_at_every_length(
    module: Roundabout, graph: Any, batch: int, frames: int
) -> None:
    x = np.random.default_rng(frames).normal(size=(batch, frames, 4)).astype(np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(_run(graph, {"given": x}), wanted, atol=1e-6)


def test_it_is_small_and_of_standard_operators(graph: Any) -> None:
    assert len(list(all_nodes(graph.graph))) < 20
    assert [(item.domain, item.version) for item in graph.opset_import] == [("", 17)]
    onnx.checker.check_model(graph, full_check=True)


def test_parameters_keep_their_names_and_bytes(module: Roundabout, graph: Any) -> None:
    found = {item.name: numpy_helper.to_array(item) for item in graph.graph.initializer}
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(found[name], value.numpy())
    assert [item.name for item in graph.graph.input] == ["given"]


def test_optional_inputs_stay_optional(graph: Any) -> None:
    model = onnx.ModelProto.FromString(graph.SerializeToString())
    default = np.full((1, 2, 4), 0.5, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(default, "given"))
    again = simplified(model)
    np.testing.assert_array_equal(_run(again, {}), _run(graph, {"given": default}))
    np.testing.assert_array_equal(_run(again, {"given": -default}), _run(graph, {"given": -default}))


def test_constants_in_initializers_are_computed(module: Roundabout, graph: Any) -> None:
    folded = trace_module(module, (torch.zeros(2, 3, 4),), ["given"], ["made"], AXES, fold=True)
    assert len(list(all_nodes(folded.graph))) <= len(list(all_nodes(graph.graph)))
    x = np.random.default_rng(0).normal(size=(2, 7, 4)).astype(np.float32)
    np.testing.assert_array_equal(_run(folded, {"given": x}), _run(graph, {"given": x}))
