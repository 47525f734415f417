"""Public reports of other programs' faults in exported models, as trials of exported voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan import Synthesizer

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
