"""What the blocks of the performance guide need: `.pt` files that exist, devices, a corpus.

A test holds the code of its block. What differs, and why, stands in `docs/seed.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from needs import HAS_TORCH

TEXT = "Akwaaba! Wo ho te sÉ›n?"
"""As the guide prints it: the ɛ is mojibake, and still read as ɛ."""


class Models(NamedTuple):
    """Paths of `.pt` files."""

    acoustic: str
    vocoder: str


def _devices() -> list[object]:
    has_cuda = False
    if HAS_TORCH:
        import torch

        has_cuda = torch.cuda.is_available()
    absent = pytest.mark.skipif(not has_cuda, reason="no CUDA device")
    return ["cpu", pytest.param("cuda:0", marks=[pytest.mark.gpu, absent])]


@pytest.fixture(params=_devices())
def device(request: pytest.FixtureRequest) -> str:
    """The guide's "cuda:0", and the CPU where that is not there."""
    return str(request.param)


@pytest.fixture
def models(streaming_voice: Path) -> Models:
    """The guide's /path/to/acoustic_model.pt and /path/to/vocoder.pt."""
    folder = streaming_voice.parent
    return Models(str(folder / "acoustic_model.pt"), str(folder / "vocoder_model.pt"))


@pytest.fixture
def text() -> str:
    """The guide's text."""
    return TEXT
