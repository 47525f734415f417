"""Passes that spend fewer nodes: the same bits where nothing is computed otherwise, the same values elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from kalakan.config.schema import FastSpeech2Config
from kalakan.export.onnx.acoustic import trace_acoustic
from kalakan.export.onnx.activation_ranges import measure
from kalakan.export.onnx.calibration import acoustic_inputs
from kalakan.export.onnx.fewer_nodes import count_in_floats, fuse_attention, gather_rows
from kalakan.export.onnx.matmuls import LEAST_EXACT, candidates
from kalakan.export.onnx.quantize import quantize_graph
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.onnx_runtime import checking_session

CONFIG = FastSpeech2Config(
    n_mels=20,
    speakers=("ama", "kofi"),
    encoder_layers=2,
    encoder_width=64,
    encoder_filter=64,
    encoder_heads=2,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=1,
    decoder_filter=64,
    decoder_kernel=3,
    predictor_layers=2,
    predictor_width=48,
    predictor_kernel=5,
    voicing_width=64,
)
IDS = np.random.default_rng(5).integers(24, 77, (1, 41))
ROWS = np.concatenate([np.pad(IDS[:, :30], ((0, 0), (0, 11))), IDS])


@pytest.fixture(scope="module")
def graph() -> Any:
    torch.manual_seed(2)
    model = FastSpeech2(CONFIG).eval()
    torch.nn.init.constant_(model.duration_predictor.out.bias, 1.5)
    return trace_acoustic(model, fold=True)


@pytest.fixture(scope="module")
def quantized(graph: Any) -> Any:
    model = copied(graph)
    chosen = candidates(model, LEAST_EXACT)
    examples = list(acoustic_inputs(2))[::8]
    quantize_graph(model, chosen, measure(model, chosen, examples, LEAST_EXACT), LEAST_EXACT)
    return model


def copied(model: Any) -> Any:
    return onnx.ModelProto.FromString(model.SerializeToString())


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(model: Any, ids: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = checking_session(model.SerializeToString()).run(None, {"phonemes": ids})
    return found


@pytest.mark.parametrize(("change", "kind"), [(gather_rows, "GatherND"), (count_in_floats, "ReduceSum")])
@pytest.mark.parametrize("ids", [IDS, IDS[:, :1], ROWS])
def test_rows_and_counts_keep_every_bit(graph: Any, change: Any, kind: str, ids: np.ndarray) -> None:
    model = copied(graph)
    change(model)
    assert kinds(model) != kinds(graph)
    assert kind in kinds(model)
    for one, other in zip(run(graph, ids), run(model, ids), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("ids", [IDS, IDS[:, :1], ROWS])
def test_one_operator_attends_as_many_nodes_did(graph: Any, ids: np.ndarray) -> None:
    model = copied(graph)
    fuse_attention(model)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert kinds(model).count("MultiHeadAttention") == CONFIG.encoder_layers
    assert "Softmax" not in kinds(model)
    wanted, found = run(graph, ids), run(model, ids)
    np.testing.assert_array_equal(found[1], wanted[1])
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-4)


def test_a_graph_in_integers_uses_all_of_them(quantized: Any) -> None:
    found = kinds(quantized)
    assert found.count("MultiHeadAttention") == CONFIG.encoder_layers
    windows = [node for node in quantized.graph.node if node.op_type == "GatherND"]
    indices = {node.input[1] for node in windows}
    # Encoder with 3 frames, duration, pitch and energy predictors with 5: of phonemes twice, of frames once.
    assert len(windows) == CONFIG.encoder_layers + 3 * CONFIG.predictor_layers
    assert len(indices) == 3


def test_a_row_of_a_batch_in_integers_is_the_row_alone(quantized: Any) -> None:
    names = [item.name for item in quantized.graph.output]
    both = dict(zip(names, run(quantized, ROWS), strict=True))
    for row, size in ((0, 30), (1, 41)):
        alone = dict(zip(names, run(quantized, ROWS[row : row + 1, :size]), strict=True))
        frames = int(alone["mel_lengths"][0])
        assert frames == both["mel_lengths"][row]
        np.testing.assert_array_equal(both["durations"][row, :size], alone["durations"][0])
        np.testing.assert_allclose(both["pitch_output"][row, :frames], alone["pitch_output"][0], rtol=1e-3)
        np.testing.assert_allclose(
            both["mel_output"][row, :, :frames], alone["mel_output"][0], rtol=1e-3, atol=2e-2
        )
