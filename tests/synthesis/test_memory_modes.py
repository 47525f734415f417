"""`inference.low_memory` and `inference.quantize`: the same audio from less, and errors where nothing can be done."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import ConfigError
from kalakan.synthesis.engines.low_memory import Room

TEXT = "Akwaaba. Wo ho te sɛn?"


def settings(**inference: bool) -> dict[str, Any]:
    return {"inference": inference}


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_one_model_at_a_time_gives_the_same_audio(streaming_voice: Path, engine: str) -> None:
    whole = np.asarray(Synthesizer(streaming_voice, engine=engine).synthesize(TEXT, speaker="kwame", seed=3))
    low = Synthesizer(streaming_voice, engine=engine, config=settings(low_memory=True))
    found = np.asarray(low.synthesize(TEXT, speaker="kwame", seed=3))
    np.testing.assert_allclose(found, whole, atol=1e-4)
    pieces = [np.asarray(piece) for piece in low.stream(TEXT, speaker="kwame", seed=3)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)
    assert low.sample_rate == 8000


def test_a_room_holds_one_model() -> None:
    class Model:
        pass

    room = Room()
    made: list[weakref.ref[Model]] = []

    def load() -> Model:
        model = Model()
        made.append(weakref.ref(model))
        return model

    one, other = object(), object()
    assert room.model_of(one, load) is room.model_of(one, load)
    assert len(made) == 1
    room.model_of(other, load)
    gc.collect()
    assert made[0]() is None
    assert made[1]() is not None


@pytest.mark.torch
def test_models_of_files_are_loaded_again_and_moved(tiny_voice: Path) -> None:
    path = tiny_voice.parent / "acoustic_model.pt"
    plain = Synthesizer(acoustic_model=path).synthesize(TEXT)
    low = Synthesizer(acoustic_model=path, config=settings(low_memory=True))
    low.acoustic_model.to("cpu")
    np.testing.assert_allclose(np.asarray(low.synthesize(TEXT)), np.asarray(plain), atol=1e-5)


@pytest.mark.torch
def test_quantize_changes_linear_layers_alone(tiny_voice: Path, caplog: pytest.LogCaptureFixture) -> None:
    import torch

    path = tiny_voice.parent / "acoustic_model.pt"
    with caplog.at_level("INFO", "kalakan"):
        synthesizer = Synthesizer(acoustic_model=path, config=settings(quantize=True, low_memory=True))
        audio = np.asarray(synthesizer.synthesize(TEXT))
    assert "untouched: Conv1d" in caplog.text
    assert np.abs(audio).max() > 1e-3
    made = Synthesizer(acoustic_model=path, config=settings(quantize=True)).acoustic_model
    assert not any(type(layer) is torch.nn.Linear for layer in made.modules())


@pytest.mark.parametrize(
    ("engine", "given", "message"),
    [
        (
            "onnx",
            {"quantize": True},
            r"acoustic_decoder.onnx computes in floats; export it with kalakan export --quantize",
        ),
        ("torch", {"quantize": True, "mixed_precision": True}, "are both True; leave one of them off"),
    ],
)
def test_what_quantize_cannot_do_is_an_error(
    tiny_voice: Path, engine: str, given: dict[str, bool], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Synthesizer(tiny_voice, engine=engine, config=settings(**given))
