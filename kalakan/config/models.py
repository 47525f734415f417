"""Sizes of the models: one frozen dataclass a model class, named and defaulted as in its paper."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.fastspeech2 import FastSpeech2Config
from kalakan.config.rules import MOST_SIZE, require_at_least, require_at_most, require_odd
from kalakan.config.tacotron2 import Tacotron2Config
from kalakan.config.vocoders import HarmonicNoiseConfig, HifiGanConfig, MelGanConfig

__all__ = [
    "MODEL_CONFIGS",
    "SPEAKING_SETTINGS",
    "AlignerConfig",
    "FastSpeech2Config",
    "HarmonicNoiseConfig",
    "HifiGanConfig",
    "MelGanConfig",
    "ModelConfig",
    "Tacotron2Config",
]


@dataclass(frozen=True)
class AlignerConfig:
    """Sizes of the aligner."""

    n_phonemes: int = 96
    """Rows of the phoneme table; row 0 is silence."""
    n_mels: int = 80
    """Mel bands of the input."""
    width: int = 128
    """Channels."""
    inner: int = 256
    """Channels inside a block."""
    layers: int = 4
    """ConvNeXt blocks."""
    kernel: int = 3
    """Kernel of a block over time; odd. Few frames are seen, or boundaries would blur."""

    def __post_init__(self) -> None:
        require_at_least(self, "model", ("n_phonemes", "n_mels", "width", "inner", "layers"), 1)
        require_at_most(self, "model", ("n_phonemes", "n_mels", "width", "inner", "layers"), MOST_SIZE)
        require_odd(self, "model", ("kernel",))


ModelConfig = (
    FastSpeech2Config | Tacotron2Config | HarmonicNoiseConfig | HifiGanConfig | MelGanConfig | AlignerConfig
)
MODEL_CONFIGS: tuple[type[ModelConfig], ...] = (
    FastSpeech2Config,
    Tacotron2Config,
    HarmonicNoiseConfig,
    HifiGanConfig,
    MelGanConfig,
    AlignerConfig,
)
"""What `Settings.model` may be."""
SPEAKING_SETTINGS: dict[type[ModelConfig], tuple[str, ...]] = {
    HarmonicNoiseConfig: ("noise_cut", "noise_cut_below", "noise_cut_from"),
    Tacotron2Config: (
        "prenet_dropout",
        "window_back",
        "window_ahead",
        "stop_threshold",
        "max_frames_per_phoneme",
    ),
}
"""Settings that act when a model speaks and need no other weights; all others are fixed by training."""
