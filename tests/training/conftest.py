from __future__ import annotations

from pathlib import Path

import pytest

from needs import HAS_TORCH
from tiny_corpus import make_corpus

if HAS_TORCH:
    import torch

    # Two threads that wait for each other by spinning are slower than one wherever another process runs.
    torch.set_num_threads(1)

TINY_MODEL = {
    "encoder_layers": 1,
    "encoder_width": 16,
    "encoder_filter": 16,
    "decoder_layers": 1,
    "decoder_filter": 16,
    "predictor_layers": 1,
    "predictor_width": 8,
    "voicing_width": 8,
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def tiny_config() -> dict[str, dict[str, object]]:
    """Settings of a run that takes a second."""
    training = {
        "batch_size": 2,
        "max_steps": 6,
        "log_every": 1,
        "validate_every": 3,
        "checkpoint_every": 3,
        "picture_every": 6,
        "validation_utterances": 2,
        "warmup_steps": 2,
    }
    return {"model": dict(TINY_MODEL), "training": training}
