"""Synthesizers whose vocoder is a small generator, for the tests of how the torch engine runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kalakan.synthesis.synthesizer import Synthesizer
from models.vocoders.generators import tiny

TEXTS = [
    "Akwaaba!",
    "Wo ho te sɛn? Me ho yɛ.",
    "Ɛte sɛn wɔ hɔ, na ɛhe na worekɔ nnɛ anɔpa yi?",
    "Yoo.",
    "Aane, mepa wo kyɛw.",
]


def synthesizer(voice: Path, vocoder: str = "melgan", device: str = "cpu", **inference: Any) -> Synthesizer:
    """One with the voice's acoustic model and a vocoder of that type for it."""
    is_generator = vocoder != "griffin_lim"
    return Synthesizer(
        acoustic_model=str(voice.parent / "acoustic_model.pt"),
        vocoder=tiny(vocoder, rates=(4, 4, 4)) if is_generator else None,
        vocoder_type=None if is_generator else vocoder,
        device=device,
        config={"inference": inference},
    )
