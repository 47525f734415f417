"""Every model by its name: class, sizes and the task that trains it. A literal table, no import side effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kalakan.config.resolve import from_dict, resolve
from kalakan.config.schema import (
    AlignerConfig,
    AudioConfig,
    FastSpeech2Config,
    HarmonicNoiseConfig,
    HifiGanConfig,
    MelGanConfig,
    ModelConfig,
    RecognizerConfig,
    Settings,
    Tacotron2Config,
)
from kalakan.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

FASTSPEECH2 = FastSpeech2Config()
FASTSPEECH2_SMALL = FastSpeech2Config(
    encoder_layers=4,
    encoder_width=192,
    encoder_heads=2,
    encoder_filter=512,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=6,
    decoder_filter=576,
    decoder_kernel=7,
    predictor_layers=3,
    predictor_width=128,
    predictor_kernel=5,
    voicing_width=128,
    dropout=0.1,
    predictor_dropout=0.4,
)


HIFIGAN_V2 = HifiGanConfig(channels=128)
HIFIGAN_V3 = HifiGanConfig(
    channels=256,
    upsample_rates=(6, 10, 5),
    residual_kernels=(3, 5, 7),
    residual_dilations=((1, 2), (2, 6), (3, 12)),
    residual_pairs=False,
)

# Training settings of the papers where Kalakan's defaults, tuned for FastSpeech2, do not fit.
_ADVERSARIAL: dict[str, dict[str, Any]] = {
    "segments": {"frames": 32},
    "training": {
        "batch_size": 16,
        "learning_rate": 2e-4,
        "max_steps": 400_000,
        "warmup_steps": 0,
        "decay_fraction": 0.5,
        "grad_clip": 1000.0,
    },
}
# Shen et al. 2018, section 3.1; the paper's rate falls exponentially, here linearly.
_TACOTRON2: dict[str, dict[str, Any]] = {
    "training": {"batch_size": 32, "max_steps": 100_000, "weight_decay": 1e-6, "decay_fraction": 0.5}
}


# Gaussians align the sounds before the first step; a few steps are enough to refine the alignment.
_ALIGNER: dict[str, dict[str, Any]] = {
    "training": {
        "batch_size": 8,
        "max_steps": 400,
        "learning_rate": 2e-3,
        "warmup_steps": 50,
        "decay_fraction": 0.5,
        "ema_decay": 0.99,
        "validate_every": 100,
        "checkpoint_every": 100,
        "picture_every": 200,
        "validation_utterances": 32,
    },
}


# A few recordings of real speech count as much as the many recordings of a synthetic corpus.
_RECOGNIZER: dict[str, dict[str, Any]] = {
    "training": {
        "batch_size": 16,
        "max_steps": 3000,
        "learning_rate": 2e-3,
        "warmup_steps": 200,
        "decay_fraction": 0.7,
        "grad_clip": 2.0,
        "speaker_balance": 0.5,
        "validate_every": 250,
        "checkpoint_every": 250,
        "picture_every": 1000,
        "validation_utterances": 128,
        "product": "last",
    },
}


@dataclass(frozen=True)
class Entry:
    """One row of the registry."""

    kind: str
    """"acoustic", "vocoder", "aligner" or "recognizer"."""
    preset: ModelConfig | None
    """Default configuration of the model; None where it has none."""
    task: str | None
    """Name of the training task, or None for a model without training."""
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Training settings, by section, that differ from the general defaults."""
    has_onnx: bool = True
    """False where a voice holds no ONNX graph of the model; single files may."""


ENTRIES: dict[str, Entry] = {
    "aligner": Entry("aligner", AlignerConfig(), "aligner", _ALIGNER, has_onnx=False),
    "fastspeech2": Entry("acoustic", FASTSPEECH2, "acoustic"),
    "fastspeech2_small": Entry("acoustic", FASTSPEECH2_SMALL, "acoustic"),
    "tacotron2": Entry("acoustic", Tacotron2Config(), "tacotron2", _TACOTRON2, has_onnx=False),
    "recognizer": Entry("recognizer", RecognizerConfig(), "recognizer", _RECOGNIZER, has_onnx=False),
    "griffin_lim": Entry("vocoder", None, None),
    "harmonic_noise": Entry("vocoder", HarmonicNoiseConfig(), "vocoder"),
    "hifigan": Entry("vocoder", HifiGanConfig(), "gan_vocoder", _ADVERSARIAL),
    "hifigan_v2": Entry("vocoder", HIFIGAN_V2, "gan_vocoder", _ADVERSARIAL),
    "hifigan_v3": Entry("vocoder", HIFIGAN_V3, "gan_vocoder", _ADVERSARIAL),
    "melgan": Entry("vocoder", MelGanConfig(), "gan_vocoder", _ADVERSARIAL),
}


def names(kind: str) -> list[str]:
    """Model names of a kind, sorted."""
    return sorted(name for name, entry in ENTRIES.items() if entry.kind == kind)


def entry(name: str) -> Entry:
    """The row of `name`; raises `ConfigError` with the known names."""
    if name not in ENTRIES:
        raise ConfigError(f"model type {name!r} is not known; choose one of {', '.join(sorted(ENTRIES))}")
    return ENTRIES[name]


def training_settings(name: str) -> Settings:
    """Complete settings of a training run of `name`, before the user's overrides."""
    row = entry(name)
    settings = resolve(row.defaults)
    return settings if row.preset is None else replace(settings, model=row.preset)


def create(name: str, values: Mapping[str, Any], audio: AudioConfig) -> nn.Module:
    """The model of a saved configuration, `values`, without loading its weights."""
    row = entry(name)
    config = from_dict(type(row.preset), values) if row.preset is not None else None
    if row.kind == "acoustic":
        return create_acoustic(name, config)
    if isinstance(config, AlignerConfig):
        from kalakan.models.aligner import Aligner

        return Aligner(config)
    if isinstance(config, RecognizerConfig):
        from kalakan.models.recognizer import Recognizer

        return Recognizer(config)
    return create_vocoder(name, audio, config=config)


def create_acoustic(name: str, config: ModelConfig | None = None, **changes: Any) -> nn.Module:
    """An untrained acoustic model of type `name`; `changes` override individual fields of its configuration."""
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2
    from kalakan.models.acoustic.tacotron2 import Tacotron2

    classes: dict[type, Callable[[Any], nn.Module]] = {
        FastSpeech2Config: FastSpeech2,
        Tacotron2Config: Tacotron2,
    }
    chosen = replace(_config(name, "acoustic", config), **changes)
    return classes[type(chosen)](chosen)


def create_vocoder(
    name: str, audio: AudioConfig, iterations: int = 32, config: ModelConfig | None = None
) -> nn.Module:
    """A vocoder of type `name` for log-mels of `audio`, untrained if it has weights.

    `iterations` is for Griffin-Lim, `config` (default: the preset) for other vocoders.
    """
    from kalakan.models.vocoders.griffin_lim import GriffinLim
    from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
    from kalakan.models.vocoders.hifigan import HifiGan
    from kalakan.models.vocoders.melgan import MelGan

    if entry(name).kind == "vocoder" and entry(name).preset is None:
        return GriffinLim(audio, n_iter=iterations)
    classes: dict[type, Callable[[Any, AudioConfig], nn.Module]] = {
        HarmonicNoiseConfig: HarmonicNoise,
        HifiGanConfig: HifiGan,
        MelGanConfig: MelGan,
    }
    chosen = _config(name, "vocoder", config)
    return classes[type(chosen)](chosen, audio)


def _config(name: str, kind: str, config: ModelConfig | None) -> ModelConfig:
    """The configuration to build `name` with; raises `ConfigError` for a model of another kind or class."""
    row = entry(name)
    if row.kind != kind or row.preset is None:
        raise ConfigError(f"model type {name!r} is a {row.kind}; choose one of {', '.join(names(kind))}")
    if config is not None and type(config) is not type(row.preset):
        raise ConfigError(
            f"model type {name!r} takes a {type(row.preset).__name__}, not a {type(config).__name__}"
        )
    return config or row.preset
