"""Blocks of the guide's chapter Hardware Considerations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.utils.config import Config
from kalakan.voices.weights import load_model, quantized_state, save_pt


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_as_before")
def test_cpu_optimization(models: Any, text: str) -> None:
    # Set number of threads
    torch.set_num_threads(4)  # Adjust based on available cores

    # Create synthesizer with CPU optimizations
    synthesizer = Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device="cpu")
    assert torch.get_num_threads() == 4  # the synthesizer leaves it alone
    assert len(synthesizer.synthesize(text)) > 0
    assert not hasattr(torch.backends.mkl, "enabled")  # the guide sets it, and torch never reads it
    assert isinstance(torch.backends.mkl.is_available(), bool)


def test_edge_devices(models: Any, tmp_path: Path, text: str) -> None:
    loaded = load_model(models.acoustic)
    quantized = tmp_path / "acoustic_model_quantized.pt"
    save_pt(quantized, loaded.module, loaded.record, loaded.audio, quantized_state(loaded.module))

    # Configuration for edge devices
    config = Config({"inference": {"quantize": True, "low_memory": True, "batch_size": 1}})

    # Create synthesizer with edge optimizations
    synthesizer = Synthesizer(
        acoustic_model=str(quantized), vocoder=models.vocoder, device="cpu", config=config
    )
    assert len(synthesizer.synthesize(text)) > 0
