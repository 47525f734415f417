"""Every model by its name: class, sizes and the task that trains it. A literal table, no import side effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig
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
    dropout=0.1,
    predictor_dropout=0.2,
)


@dataclass(frozen=True)
class Entry:
    """One row of the registry."""

    kind: str
    """"acoustic" or "vocoder"."""
    preset: Any
    """Default configuration of the model."""
    task: str | None
    """Name of the training task, or None where there is nothing to train."""


ENTRIES: dict[str, Entry] = {
    "fastspeech2": Entry("acoustic", FASTSPEECH2, "acoustic"),
    "fastspeech2_small": Entry("acoustic", FASTSPEECH2_SMALL, "acoustic"),
    "griffin_lim": Entry("vocoder", None, None),
    "harmonic_noise": Entry("vocoder", HarmonicNoiseConfig(), "vocoder"),
}


def names(kind: str) -> list[str]:
    """Model names of a kind, sorted."""
    return sorted(name for name, entry in ENTRIES.items() if entry.kind == kind)


def entry(name: str) -> Entry:
    """The row of `name`; raises `ConfigError` with the known names."""
    if name not in ENTRIES:
        raise ConfigError(f"model type {name!r} is not known; choose one of {', '.join(sorted(ENTRIES))}")
    return ENTRIES[name]


def create_acoustic(name: str, config: FastSpeech2Config | None = None, **changes: Any) -> nn.Module:
    """An untrained acoustic model of type `name`; `changes` override single fields of its configuration."""
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2

    row = entry(name)
    if row.kind != "acoustic":
        raise ConfigError(
            f"model type {name!r} is a {row.kind}; choose one of {', '.join(names('acoustic'))}"
        )
    return FastSpeech2(replace(config or row.preset, **changes))


def create_vocoder(
    name: str, audio: AudioConfig, iterations: int = 32, config: HarmonicNoiseConfig | None = None
) -> nn.Module:
    """A vocoder of type `name` for log-mels of `audio`, untrained if it has weights.

    `iterations` is Griffin-Lim's, `config` (default: the preset) another vocoder's.
    """
    from kalakan.models.vocoders.griffin_lim import GriffinLim
    from kalakan.models.vocoders.harmonic_noise import HarmonicNoise

    row = entry(name)
    if row.kind != "vocoder":
        raise ConfigError(f"model type {name!r} is a {row.kind}; choose one of {', '.join(names('vocoder'))}")
    if row.preset is None:
        return GriffinLim(audio, n_iter=iterations)
    return HarmonicNoise(config or row.preset, audio)
