"""Which models and which engine a request gets, and what it is told when it contradicts itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kalakan.errors import ConfigError, KalakanError, VoiceError
from kalakan.synthesis.synthesizer import Synthesizer

AUDIO = {
    "sample_rate": 8000,
    "n_fft": 256,
    "win_length": 256,
    "hop_length": 64,
    "n_mels": 20,
    "mel_fmax": 4000.0,
}


def test_auto_engine(tiny_voice: Path, tmp_path: Path) -> None:
    pt = tiny_voice.parent / "acoustic_model.pt"
    assert Synthesizer(tiny_voice).engine == "onnx"
    assert Synthesizer(acoustic_model=tiny_voice).engine == "onnx"
    assert Synthesizer(acoustic_model=tiny_voice / "acoustic.onnx").speakers == ("akosua", "kwame")
    assert Synthesizer(acoustic_model=pt).engine == "torch"
    assert Synthesizer(tiny_voice, vocoder_type="griffin_lim").engine == "torch"


def test_every_way_to_name_the_same_weights_speaks_the_same(tiny_voice: Path) -> None:
    pt = tiny_voice.parent / "acoustic_model.pt"
    wanted = Synthesizer(tiny_voice, engine="torch").synthesize("Wo ho te sɛn?")
    module = Synthesizer(tiny_voice, engine="torch").acoustic_model
    vocoder = Synthesizer(tiny_voice, engine="torch").vocoder
    for arguments in (
        {"acoustic_model": pt},
        {"acoustic_model": str(pt), "vocoder": str(tiny_voice)},
        {"acoustic_model": tiny_voice, "engine": "torch"},
        {"acoustic_model": module, "vocoder": vocoder},
        {"voice": tiny_voice, "acoustic_model_type": "fastspeech2_small", "vocoder_type": "griffin_lim"},
    ):
        assert torch.equal(Synthesizer(**arguments).synthesize("Wo ho te sɛn?"), wanted), arguments


def test_a_bare_onnx_file_speaks_with_the_settings_audio(tiny_voice: Path, tmp_path: Path) -> None:
    for path in tiny_voice.iterdir():
        if path.name != "voice.json":
            shutil.copy(path, tmp_path)
    synthesizer = Synthesizer(acoustic_model=tmp_path / "acoustic.onnx", config={"audio": AUDIO})
    assert synthesizer.speakers == ("speaker",)
    assert synthesizer.voice is None
    assert np.array_equal(synthesizer.synthesize("Yoo"), Synthesizer(tiny_voice).synthesize("Yoo"))
    with pytest.raises(VoiceError, match="speaks 20 mel bands and the vocoder reads 80"):
        Synthesizer(acoustic_model=tmp_path / "acoustic.onnx")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda voice: {"voice": voice, "device": "cuda:7"}, ConfigError, r"device 'cuda:7'"),
        (lambda voice: {"voice": voice, "device": "tpu9"}, ConfigError, r"'tpu9' is not a torch device"),
        (
            lambda voice: {"voice": voice, "device": "cuda:0", "engine": "onnx"},
            ConfigError,
            r"the onnx engine runs on the CPU",
        ),
        (
            lambda voice: {"acoustic_model": voice.parent / "acoustic_model.pt", "engine": "onnx"},
            ConfigError,
            r"acoustic_model is for torch",
        ),
        (
            lambda voice: {"acoustic_model": voice / "acoustic.onnx", "engine": "torch"},
            ConfigError,
            r"an ONNX file",
        ),
        (lambda voice: {"voice": voice, "acoustic_model": voice}, ConfigError, r"give one of them"),
        (
            lambda voice: {"voice": voice, "acoustic_model_type": "fastspeech2"},
            ConfigError,
            r"holds a fastspeech2_small, not a fastspeech2",
        ),
        (lambda voice: {"vocoder_type": "wavenet"}, ConfigError, r"'wavenet' is not known to this version"),
        (lambda voice: {"acoustic_model": voice.parent / "no.pt"}, VoiceError, r"there is no such file"),
        (lambda voice: {"acoustic_model": voice.parent / "no.onnx"}, VoiceError, r"there is no such file"),
        (
            lambda voice: {"acoustic_model": voice / "voice.json", "engine": "onnx"},
            VoiceError,
            r"no ONNX model",
        ),
        (lambda voice: {"acoustic_model": voice / "voice.json", "engine": "torch"}, VoiceError, r"damaged"),
    ],
)
def test_contradictions_and_missing_files(
    tiny_voice: Path, arguments: Callable[[Path], dict[str, Any]], error: type[KalakanError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Synthesizer(**arguments(tiny_voice))


@pytest.mark.filterwarnings("ignore::kalakan.errors.UntrainedModelWarning")
@pytest.mark.parametrize(
    ("types", "model", "found"),
    [
        (("tacotron2", None), {"decoder_width": 32, "postnet_width": 16}, (32, None)),
        (("tacotron2", "hifigan"), {"channels": 32}, (1024, 32)),
        (("fastspeech2", "melgan"), {"encoder_width": 64}, (64, 512)),
        ((None, "hifigan_v3"), {"channels": 64}, (None, 64)),
        (("fastspeech2_small", "hifigan_v2"), {}, (192, 128)),
    ],
)
def test_sizes_are_of_the_type_that_is_named(
    types: tuple[str | None, str | None], model: dict[str, int], found: tuple[int | None, int | None]
) -> None:
    acoustic, vocoder = types
    config = {"model": model} if model else {}
    made = Synthesizer(acoustic_model_type=acoustic, vocoder_type=vocoder, config=config, engine="torch")
    sizes = made.acoustic_model.config
    if found[0] is not None:
        assert getattr(sizes, "decoder_width", getattr(sizes, "encoder_width", None)) == found[0]
    if found[1] is not None:
        assert made.vocoder.config.channels == found[1]


def test_sizes_of_no_type_named_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.channels is not a setting"):
        Synthesizer(
            acoustic_model_type="tacotron2", vocoder_type="griffin_lim", config={"model": {"channels": 8}}
        )
    with pytest.raises(ConfigError, match=r"model\.decoder_width is not a setting"):
        Synthesizer(config={"model": {"decoder_width": 8}})
