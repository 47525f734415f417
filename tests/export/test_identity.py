"""A single exported file says what its `.pt` file said: who speaks, and at which rate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from kalakan import Synthesizer
from kalakan.config.schema import AudioConfig, HifiGanConfig
from kalakan.errors import VoiceError
from kalakan.models.registry import create_vocoder
from kalakan.text.phonemes import TABLE_HASH
from kalakan.voices.identity import Identity, from_metadata, to_metadata
from kalakan.voices.save import save_vocoder_product

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0)
TEXT = "Akwaaba, Kofi."


@pytest.fixture(scope="module")
def folder(tiny_voice: Path, tmp_path_factory: pytest.TempPathFactory, kalakan: Any) -> Path:
    """The tiny voice's models exported from `.pt` files, in a folder of their own."""
    folder = tmp_path_factory.mktemp("exported")
    vocoder = create_vocoder("hifigan", AUDIO, config=_small())
    weights = save_vocoder_product(folder, "hifigan", vocoder.eval(), AUDIO)
    done = kalakan(
        *("export", "--acoustic-model", tiny_voice.parent / "acoustic_model.pt"),
        *("--vocoder", weights, "--output-dir", folder),
    )
    assert done.returncode == 0, done.stderr
    return folder


def _small() -> HifiGanConfig:
    return HifiGanConfig(
        channels=16,
        upsample_rates=(8, 8),
        residual_kernels=(3,),
        residual_dilations=((1, 3),),
    )


def test_speakers_and_rate_survive_the_export(tiny_voice: Path, folder: Path) -> None:
    synthesizer = Synthesizer(acoustic_model=folder / "acoustic_model.onnx")
    assert synthesizer.speakers == ("akosua", "kwame")
    assert synthesizer.sample_rate == 8000
    found = synthesizer.synthesize(TEXT, speaker="kwame")
    np.testing.assert_allclose(found, Synthesizer(tiny_voice).synthesize(TEXT, speaker="kwame"), atol=2e-3)


def test_a_vocoder_of_another_rate_is_refused(folder: Path) -> None:
    vocoder = folder / "vocoder.onnx"
    assert Synthesizer(acoustic_model=folder / "acoustic_model.onnx", vocoder=vocoder).sample_rate == 8000
    with pytest.raises(VoiceError, match="different audio settings"):
        Synthesizer(vocoder=vocoder)  # the default voice speaks at 24 kHz


def test_what_is_told_is_read() -> None:
    for identity in (Identity(AUDIO, ("ama", "Kofi Ɛ")), Identity(AUDIO, None)):
        assert from_metadata(to_metadata(AUDIO, identity.speakers), Path("a")) == identity
    assert from_metadata({"context_frames": "3"}, Path("a")) == Identity()
    assert to_metadata(AUDIO, ["ama"])["phoneme_table"] == TABLE_HASH


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("speakers", "ama", "do not tell what it is"),
        ("speakers", "3", "it must be a list of names"),
        ("speakers", "[]", "name at least one speaker"),
        ("speakers", '["a", "a"]', "names must differ"),
        ("speakers", '["a", 3]', "it must be a list of names"),
        ("speakers", "[" * 100_000, "do not tell what it is"),
        ("audio", '{"hop_length": -1}', "hop_length is -1"),
        ("audio", "[]", "it must be a mapping"),
        ("phoneme_table", "0" * 64, "another phoneme table"),
    ],
)
def test_what_is_no_identity_is_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(VoiceError, match=message):
        from_metadata(to_metadata(AUDIO, ["ama"]) | {key: value}, Path("a.onnx"))


def test_a_file_that_says_nothing_has_one_unnamed_speaker(folder: Path, tmp_path: Path) -> None:
    model = onnx.load(folder / "acoustic_model.onnx")
    told = {item.key: item.value for item in model.metadata_props}
    assert json.loads(told["speakers"]) == ["akosua", "kwame"]
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    settings = {"audio": {key: getattr(AUDIO, key) for key in vars(AUDIO)}}
    synthesizer = Synthesizer(acoustic_model=tmp_path / "bare.onnx", config=settings)
    assert synthesizer.speakers == ("speaker",)
    assert synthesizer.sample_rate == 8000
