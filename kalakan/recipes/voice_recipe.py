"""Recipes: sequences of training runs that produce a voice. Each stage can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kalakan.errors import TrainingError
from kalakan.training.checkpoint import LAST, reached
from kalakan.training.predict import predict_mels
from kalakan.training.trainer import Trainer
from kalakan.voices.package import MANIFEST

Settings = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """How to train a voice on one corpus."""

    acoustic: str
    """Type of the acoustic model."""
    acoustic_training: dict[str, Any]
    """Its training settings."""
    vocoder: str
    """Type of the vocoder."""
    vocoder_training: dict[str, Any]
    """Its training settings, on recordings."""
    tuning: dict[str, Any]
    """Training settings of the vocoder's second run, on the acoustic model's mels."""
    sharpening: dict[str, Any]
    """Training settings of its third run, on the same mels with a discriminator."""
    adversarial: dict[str, Any]
    """Settings of that discriminator."""
    predicted_share: float = 0.75
    """Share of the utterances with predicted mels in that run."""


RECIPES = {
    # Version 1 of the default voice was trained with these settings, on two CPU cores in four sessions of three hours,
    # with other work running. Version 2 started from its weights: the acoustic model took 3,100 steps of 8 utterances
    # (learning_rate 8e-4, warmup_steps 200, decay_fraction 0.55, product last), the vocoder the sharpening run alone.
    "default_voice": Recipe(
        acoustic="fastspeech2_small",
        acoustic_training={"max_steps": 7800, "mixed_precision": True, "validation_utterances": 122},
        vocoder="harmonic_noise",
        vocoder_training={
            "max_steps": 7000,
            "batch_size": 8,
            "mixed_precision": True,
            "warmup_steps": 200,
            "decay_fraction": 0.0,
            "validate_every": 1000,
        },
        tuning={
            "max_steps": 7000,
            "batch_size": 8,
            "mixed_precision": True,
            "learning_rate": 7e-4,
            "warmup_steps": 100,
            "decay_fraction": 0.8,
            "validate_every": 1000,
        },
        sharpening={
            "max_steps": 15000,
            "batch_size": 8,
            "mixed_precision": True,
            "learning_rate": 5e-4,
            "warmup_steps": 50,
            "decay_fraction": 0.5,
            "validate_every": 500,
            # The validation score is the distance, which adversarial training trades for sharpness.
            "product": "last",
        },
        adversarial={"weight": 1.0, "feature_weight": 10.0, "start_step": 150},
    ),
}


@dataclass(frozen=True)
class TrainedVoice:
    """Products of a finished recipe."""

    voice: Path
    """Voice folder with the acoustic model."""
    vocoder: Path
    """The vocoder's `.pt` file."""


def run_recipe(
    name: str,
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    device: str = "cpu",
    features: str | Path | None = None,
    start_from: str | Path | None = None,
    quiet: bool = False,
    on_signal: Callable[[int], object] | None = None,
) -> TrainedVoice | None:
    """Runs the stages of a recipe in `output_dir`; None if it was stopped before the last one finished.

    Another call with the same folders resumes it. `start_from` is a voice folder or checkpoint whose weights
    initialize the first acoustic and vocoder runs. `changes` are settings of the sections `audio`, `data`,
    `segments` and `training` that override the recipe's, for every stage.
    `on_signal` is as for `Trainer.train`. Raises `TrainingError` for an unknown recipe.
    """
    if name not in RECIPES:
        raise TrainingError(f"recipe {name!r} is not known; choose one of {', '.join(sorted(RECIPES))}")
    recipe, output = RECIPES[name], Path(output_dir)
    cache = Path(features) if features else output / "features"
    shared: dict[str, Any] = {"features": cache, "quiet": quiet, "on_signal": on_signal}

    def stage(kind: str, folder: Path, settings: Settings, begin: str | Path | None) -> Path | None:
        trainer = Trainer(kind, _merge(settings, changes or {}), device)
        product = trainer.train(data_dir, folder, start_from=begin, **shared)
        return product if reached(folder).is_done(trainer.settings.training) else None

    voice = stage(recipe.acoustic, output / "acoustic", {"training": recipe.acoustic_training}, start_from)
    if voice is None:
        return None
    first = output / "vocoder"
    if stage(recipe.vocoder, first, {"training": recipe.vocoder_training}, start_from) is None:
        return None
    predicted = output / "predicted"
    predict_mels(voice, data_dir, predicted, features=cache, share=recipe.predicted_share)
    settings: Settings = {"training": recipe.tuning, "segments": {"predicted": str(predicted)}}
    second = output / "vocoder-tuned"
    if stage(recipe.vocoder, second, settings, first / LAST) is None:
        return None
    settings = settings | {"training": recipe.sharpening, "adversarial": recipe.adversarial}
    vocoder = stage(recipe.vocoder, output / "vocoder-sharpened", settings, second / LAST)
    return TrainedVoice(voice, vocoder) if vocoder is not None and (voice / MANIFEST).is_file() else None


def make_voice(name: str, data_dir: str | Path, output_dir: str | Path, **options: Any) -> Path | None:
    """The voice folder of a finished recipe, exported with its weights in 16 bits; None if the recipe was stopped.

    `options` are those of `run_recipe`.
    """
    product = run_recipe(name, data_dir, output_dir, **options)
    if product is None:
        return None
    from kalakan.export.voice import add_onnx, add_vocoder

    voice = add_onnx(product.voice, Path(output_dir) / "voice", half_weights=True)
    return add_vocoder(voice.path, product.vocoder, half_weights=True).path


def _merge(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings with `changes` applied."""
    merged = {section: dict(values) for section, values in settings.items()}
    for section, values in changes.items():
        merged.setdefault(section, {}).update(values)
    return merged
