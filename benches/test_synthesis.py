"""The default voice at one thread: engines, streams and batches beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from beside import beside, suite
from kalakan import Synthesizer
from kalakan.benchmark.texts import MANY
from streaming import TEXTS

pytestmark = suite("synthesis")


@pytest.fixture(scope="module")
def synthesizers() -> Iterator[dict[str, Synthesizer]]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield {
        engine: Synthesizer(engine=engine, config={"inference": {"threads": 1}})
        for engine in ("onnx", "torch")
    }
    torch.set_num_threads(before)


def close(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("name", TEXTS)
def test_onnx(benchmark: Any, synthesizers: dict[str, Synthesizer], name: str) -> None:
    """Beside torch; the voice's graphs hold its weights in fewer bits, so lengths and levels agree, not samples."""

    def same(one: np.ndarray, other: np.ndarray) -> None:
        assert one.shape == other.shape
        assert np.sqrt(np.mean(one**2)) == pytest.approx(np.sqrt(np.mean(other**2)), rel=0.05)

    onnx, eager = (synthesizers[engine] for engine in ("onnx", "torch"))
    text = TEXTS[name]
    beside(
        benchmark, lambda: onnx.synthesize(text), lambda: np.asarray(eager.synthesize(text)), same, rounds=9
    )
    if benchmark.stats is not None:
        seconds = len(onnx.synthesize(text)) / onnx.sample_rate
        benchmark.extra_info["audio_s"] = round(seconds, 2)
        benchmark.extra_info["rtf"] = round(benchmark.stats.stats.median / seconds, 4)


def test_stream(benchmark: Any, synthesizers: dict[str, Synthesizer]) -> None:
    """All pieces of a stream beside the whole."""
    onnx, text = synthesizers["onnx"], TEXTS["paragraph"]
    beside(
        benchmark,
        lambda: np.concatenate(list(onnx.stream(text))),
        lambda: onnx.synthesize(text),
        close,
        rounds=9,
    )


def test_first_audio(benchmark: Any, synthesizers: dict[str, Synthesizer]) -> None:
    """The first piece of a stream beside the whole."""
    onnx, text = synthesizers["onnx"], TEXTS["paragraph"]

    def begins(piece: np.ndarray, whole: np.ndarray) -> None:
        close(piece, whole[: len(piece)])

    beside(benchmark, lambda: next(onnx.stream(text)), lambda: onnx.synthesize(text), begins, rounds=9)


def test_batch(benchmark: Any, synthesizers: dict[str, Synthesizer]) -> None:
    """Eight sentences in one batch beside one by one."""
    onnx = synthesizers["onnx"]

    def same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
        for one, other in zip(ours, theirs, strict=True):
            close(one, other)

    beside(
        benchmark,
        lambda: onnx.synthesize_batch(list(MANY), batch_size=8),
        lambda: [onnx.synthesize(text) for text in MANY],
        same,
        rounds=7,
    )


def test_load(benchmark: Any, synthesizers: dict[str, Synthesizer]) -> None:
    """Loading the voice beside one sentence of it."""
    text = TEXTS["sentence"]

    def same(loaded: Synthesizer, audio: np.ndarray) -> None:
        close(loaded.synthesize(text), audio)

    beside(
        benchmark,
        lambda: Synthesizer(config={"inference": {"threads": 1}}),
        lambda: synthesizers["onnx"].synthesize(text),
        same,
        rounds=7,
    )
