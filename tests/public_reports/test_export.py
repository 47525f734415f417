"""Public reports of other programs' faults in exported models, as trials of exported voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.voices.package import DEFAULT

pytestmark = pytest.mark.torch

HOP = 64
"""Samples of a frame of the voice."""


def test_an_exported_voice_reads_texts_of_any_length(streaming_voice: Path) -> None:
    """idiap/coqui-ai-TTS#315: the graph kept the length of its sample text."""
    onnx, torch = (Synthesizer(streaming_voice, engine=engine) for engine in ("onnx", "torch"))
    lengths = []
    for count in (1, 3, 30, 100):
        text = "Kofi " * count
        found, expected = (np.asarray(voice.synthesize(text)) for voice in (onnx, torch))
        assert abs(len(found) - len(expected)) <= 2 * HOP
        shared = min(len(found), len(expected))
        assert np.abs(found[:shared]).mean() == pytest.approx(np.abs(expected[:shared]).mean(), rel=0.05)
        lengths.append(len(found))
    assert lengths == sorted(set(lengths))
    assert lengths[2] > 5 * lengths[1] and lengths[3] > 2 * lengths[2]


@pytest.mark.parametrize("name", ["acoustic_encoder.onnx", "acoustic_decoder.onnx", "vocoder_filters.onnx"])
def test_integer_products_fit_into_16_bits(name: str) -> None:
    """microsoft/onnxruntime#14642: processors without VNNI add two products of 8-bit numbers in 16 bits.

    An activation has 8 bits without a sign: two of its products with weights of 7 bits are at most
    2 · 255 · 63 = 32,130 and fit, those with weights of 8 bits (64,770) do not.
    """
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(DEFAULT / name).graph
    values = {item.name: item for item in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    products = [node for node in graph.node if "Integer" in node.op_type]
    for node in products:
        source = node.input[1]
        while source not in values:
            source = makers[source].input[0]  # a transposed or reshaped weight
        weights = onnx.numpy_helper.to_array(values[source]).astype(np.int64)
        assert 2 * 255 * np.abs(weights).max() < 2**15, source
    assert len(products) > 2
