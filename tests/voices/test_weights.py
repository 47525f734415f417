"""Weights of a voice: as safetensors and in a `.pt` file, the same in both, and refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig, FastSpeech2Config
from kalakan.errors import VoiceError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import load_voice, save_voice
from kalakan.voices.save import save_acoustic_product
from kalakan.voices.weights import load_acoustic, load_pt

CONFIG = FastSpeech2Config(
    speakers=("ama", "kofi"),
    encoder_layers=1,
    encoder_width=8,
    encoder_filter=8,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=1,
    decoder_filter=8,
    predictor_layers=1,
    predictor_width=4,
)


@pytest.fixture
def product(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = FastSpeech2(CONFIG).eval()
    save_acoustic_product(
        tmp_path, "fastspeech2_small", model, AudioConfig(), {"steps": 7, "scores": {"mel": 0.5}}
    )
    return tmp_path


def test_voice_and_pt_file_hold_the_same_weights(product: Path) -> None:
    torch.manual_seed(0)
    expected = FastSpeech2(CONFIG).state_dict()
    loaded = load_pt(product / "acoustic_model.pt")
    assert loaded.audio == AudioConfig()
    for module in (load_acoustic(load_voice(product / "voice")), loaded.module):
        assert not module.training
        for name, value in module.state_dict().items():
            assert torch.equal(value, expected[name]), name


def test_card_of_a_new_voice_says_what_is_known_and_what_is_not(product: Path) -> None:
    voice = load_voice(product / "voice")
    card = voice.file("MODEL_CARD.md").read_text()
    assert "ama, kofi" in card
    assert "| validation mel | 0.5000 |" in card
    assert "Not filled in yet" in card
    assert voice.manifest.license == "LicenseRef-undeclared"


def test_weights_that_do_not_fit_their_model_are_refused(product: Path) -> None:
    voice = load_voice(product / "voice")
    config = to_dict(replace(CONFIG, encoder_width=16))
    manifest = replace(voice.manifest, acoustic=ModelRecord("fastspeech2_small", config))
    files = {name: voice.file(name).read_bytes() for name in voice.manifest.files}
    other = save_voice(product / "other", manifest, files)
    with pytest.raises(VoiceError, match="does not fit its model fastspeech2_small"):
        load_acoustic(other)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut"])
def test_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match=r"model\.pt: is damaged or no Kalakan model"):
        load_pt(path)
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(VoiceError, match="holds weights alone"):
        load_pt(path)


def test_pt_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (marker,)

    torch.save(Attack(), tmp_path / "model.pt")
    with pytest.raises(VoiceError):
        load_pt(tmp_path / "model.pt")
    assert not marker.exists()


def test_weights_without_their_sizes_are_told_what_they_lack(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "pruned.pt")
    with pytest.raises(
        VoiceError, match=r"holds weights alone, without the model's type and sizes; save them with"
    ):
        load_pt(tmp_path / "pruned.pt")
