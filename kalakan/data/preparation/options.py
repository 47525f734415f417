"""Settings of `kalakan prepare`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from kalakan.data.preparation.problems import FATAL_KINDS, NAMED_KINDS, UNKEEPABLE
from kalakan.errors import ConfigError


@dataclass(frozen=True)
class PrepareOptions:
    """Processing of recordings, and limits for excluding them."""

    sample_rate: int = 24_000
    """Sample rate of the corpus in Hz."""
    loudness_lufs: float = -23.0
    """Target loudness of every recording (EBU R 128); less if the peak would exceed 0.99."""
    margin_ms: float = 150.0
    """Silence kept before and after speech."""
    min_seconds: float = 0.5
    """Shortest recording kept, after trimming."""
    max_seconds: float = 20.0
    """Longest recording kept, after trimming."""
    validation_share: float = 0.05
    """Share of utterances in the validation split."""
    test_share: float = 0.05
    """Share of utterances in the test split."""
    keep: tuple[str, ...] = ()
    """Problems that do not exclude an utterance, such as "lost_letters"."""
    leave_out: tuple[str, ...] = ()
    """Problems that exclude an utterance, although they would only be reported, such as "unwritten_pauses"."""

    def __post_init__(self) -> None:
        rules = (
            ("sample_rate", self.sample_rate, 8000 <= self.sample_rate <= 96_000, "lie in [8000, 96000]"),
            ("loudness_lufs", self.loudness_lufs, -50 <= self.loudness_lufs <= -10, "lie in [-50, -10]"),
            ("margin_ms", self.margin_ms, 0 <= self.margin_ms <= 1000, "lie in [0, 1000]"),
            ("min_seconds", self.min_seconds, 0.2 <= self.min_seconds < 3600, "lie in [0.2, 3600)"),
            (
                "max_seconds",
                self.max_seconds,
                self.min_seconds < self.max_seconds <= 3600,
                f"exceed min_seconds, {self.min_seconds!r}, and be at most 3600",
            ),
            ("validation_share", self.validation_share, 0 <= self.validation_share < 0.5, "lie in [0, 0.5)"),
            ("test_share", self.test_share, 0 <= self.test_share < 0.5, "lie in [0, 0.5)"),
        )
        for name, value, holds, rule in rules:
            if not holds:
                raise ConfigError(f"{name} is {value!r}; it must {rule}")
        for kind in self.keep:
            if kind not in FATAL_KINDS or kind in UNKEEPABLE:
                choices = ", ".join(sorted(FATAL_KINDS.keys() - UNKEEPABLE))
                raise ConfigError(f"keep names {kind!r}; what can be kept is {choices}")
        for kind in self.leave_out:
            if kind not in NAMED_KINDS:
                choices = ", ".join(sorted(NAMED_KINDS))
                raise ConfigError(f"leave_out names {kind!r}; what can be left out is {choices}")

    def sound_hash(self) -> str:
        """Twelve hex digits that change with any setting that affects the audio files of the corpus."""
        settings = {key: value for key, value in asdict(self).items() if key in _SOUND_SETTINGS}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


_SOUND_SETTINGS = ("sample_rate", "loudness_lufs", "margin_ms", "min_seconds", "max_seconds")
