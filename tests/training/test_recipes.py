from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan.config.schema import AudioConfig, TrainingConfig
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import read_manifest
from kalakan.errors import TrainingError, VoiceError
from kalakan.recipes import voice_recipe
from kalakan.recipes.voice_recipe import Recipe, run_recipe
from kalakan.training.checkpoint import load_checkpoint, reached
from kalakan.training.predict import predict_mels
from kalakan.training.trainer import Trainer

SHORT = {
    "max_steps": 2,
    "batch_size": 2,
    "validate_every": 2,
    "validation_utterances": 2,
    "picture_every": 100,
}


@pytest.fixture
def tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = {"weight": 1.0, "channels": 2}
    recipe = Recipe(
        "fastspeech2_small", SHORT, "harmonic_noise", SHORT, SHORT, SHORT, judge, predicted_share=1.0
    )
    monkeypatch.setitem(voice_recipe.RECIPES, "tiny", recipe)


def _segments() -> dict[str, Any]:
    return {"segments": {"frames": 16, "validation_frames": 16}}


@pytest.mark.usefixtures("tiny_recipe")
def test_recipe_ends_in_a_voice_and_its_vocoder(corpus: Path, tmp_path: Path) -> None:
    product = run_recipe("tiny", corpus, tmp_path, changes=_segments(), quiet=True)
    assert product is not None
    assert (product.voice / "voice.json").is_file()
    tuned = load_checkpoint(tmp_path / "vocoder-tuned" / "last.pt")
    assert tuned["settings"]["segments"]["predicted"] == str(tmp_path / "predicted")
    sharpened = load_checkpoint(tmp_path / "vocoder-sharpened" / "last.pt")
    assert sharpened["settings"]["segments"] == tuned["settings"]["segments"]
    assert any(name.startswith("discriminator.") for name in sharpened["modules"])
    assert product.vocoder.parent.name == "vocoder-sharpened"
    assert len(list((tmp_path / "predicted").glob("*.npy"))) == len(read_manifest(corpus))


@pytest.mark.usefixtures("tiny_recipe")
def test_stopped_recipe_goes_on_where_it_was(corpus: Path, tmp_path: Path) -> None:
    hurry = _segments() | {"training": {"max_minutes": 1e-6}}
    assert run_recipe("tiny", corpus, tmp_path, changes=hurry, quiet=True) is None
    assert load_checkpoint(tmp_path / "acoustic" / "last.pt")["position"]["step"] == 1
    assert not (tmp_path / "vocoder").exists()
    assert run_recipe("tiny", corpus, tmp_path, changes=_segments(), quiet=True) is not None


@pytest.mark.usefixtures("tiny_recipe")
def test_a_stage_that_ends_by_patience_is_done(corpus: Path, tmp_path: Path) -> None:
    tired = _segments() | {
        "training": {"max_steps": 50, "validate_every": 1, "patience": 1, "learning_rate": 1e-12}
    }
    assert run_recipe("tiny", corpus, tmp_path, changes=tired, quiet=True) is not None
    runs = [path.parent for path in tmp_path.glob("*/last.pt")]
    assert len(runs) == 4
    config = TrainingConfig(max_steps=50, patience=1)
    assert all(reached(run).step < 50 and reached(run).is_done(config) for run in runs)
    assert not reached(runs[0]).is_done(TrainingConfig(max_steps=50, patience=9))
    assert reached(runs[0]).is_done(TrainingConfig(max_steps=1))


def test_unknown_recipe_names_the_known_ones(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="choose one of default_voice"):
        run_recipe("soup", corpus, tmp_path)


def test_predicted_mel_replaces_the_labelled_part_only(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1}
    voice = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "run", quiet=True)
    features = tmp_path / "run" / "features"
    assert predict_mels(voice, corpus, tmp_path / "half", features=features, share=0.5) < 12
    assert predict_mels(voice, corpus, tmp_path / "all", features=features, share=1.0) == 12
    store = FeatureStore(features, AudioConfig())
    for utterance in read_manifest(corpus):
        recorded, predicted = store.mel(utterance), np.load(tmp_path / "all" / f"{utterance.id}.npy")
        assert predicted.shape == recorded.shape
        start, size = 2 * 2, 2 * (2 + sum(utterance.frames))  # lead without <bos>; labels are two frames long
        np.testing.assert_array_equal(predicted[:, :start], recorded[:, :start])
        np.testing.assert_array_equal(predicted[:, start + size :], recorded[:, start + size :])
        assert np.abs(predicted - recorded)[:, start : start + size].mean() > 0.01


def test_run_may_begin_with_the_weights_of_a_voice(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    voice = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "one", quiet=True)
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "two", start_from=voice, quiet=True)
    one, two = (load_checkpoint(tmp_path / name / "last.pt")["average"] for name in ("one", "two"))
    for name, value in one.items():
        np.testing.assert_allclose(two[name].float(), value.float(), atol=1e-6)


def test_weights_of_another_model_are_refused(
    tiny_config: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    tiny_config["training"] |= {"max_steps": 1}
    voice = Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "one", quiet=True)
    wider = {**tiny_config, "model": {**tiny_config["model"], "encoder_width": 32}}
    with pytest.raises(TrainingError, match="its weights do not fit this model"):
        Trainer("fastspeech2_small", wider).train(corpus, tmp_path / "two", start_from=voice, quiet=True)
    vocoder = Trainer("harmonic_noise", _segments() | {"training": SHORT})
    with pytest.raises(VoiceError, match=r"carries no vocoder\.safetensors"):
        vocoder.train(corpus, tmp_path / "three", start_from=voice, quiet=True)
    with pytest.raises(TrainingError, match="holds weights of acoustic, not of vocoder"):
        vocoder.train(corpus, tmp_path / "four", start_from=tmp_path / "one" / "last.pt", quiet=True)
