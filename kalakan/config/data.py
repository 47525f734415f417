"""Settings of the datasets."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import MOST_SIZE, require, require_at_least, require_at_most


@dataclass(frozen=True)
class DataConfig:
    """What the dataset does to an utterance before a model sees it."""

    substitution_rate: float = 0.04
    """Chance that a unit with a rarer neighbour (a for ã, `,` for `;`) is written as that neighbour,
    so that no row of the phoneme table stays untrained."""
    bos_rate: float = 0.8
    """Chance that an utterance keeps 50 ms of its leading silence as a `<bos>` unit."""
    tone_drop_rate: float = 0.25
    """Chance that a tone-marked utterance loses the marks of a run of words, as half-marked text does."""

    def __post_init__(self) -> None:
        for name in ("substitution_rate", "bos_rate", "tone_drop_rate"):
            require(
                0 <= getattr(self, name) <= 1, f"data.{name}", getattr(self, name), "it must lie in [0, 1]"
            )


@dataclass(frozen=True)
class SegmentConfig:
    """Stretches of recordings that a vocoder trains on."""

    frames: int = 64
    """Mel frames of a training segment."""
    validation_frames: int = 160
    """Mel frames of a validation segment."""
    predicted: str = ""
    """Folder of an acoustic model's mels (`<id>.npy`, [M, T]) to use in place of the recordings'; empty: none."""

    def __post_init__(self) -> None:
        require_at_least(self, "segments", ("frames", "validation_frames"), 16)
        require_at_most(self, "segments", ("frames", "validation_frames"), MOST_SIZE)
