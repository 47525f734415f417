"""What one request cost."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")


@dataclass
class Usage:
    """What one request cost; updated while it is answered."""

    sample_rate: int
    """Samples a second of the voice."""
    characters: int = 0
    """Length of the text."""
    samples: int = 0
    """Samples at the voice's rate."""
    work_s: float = 0.0
    """Seconds that workers computed for it."""
    is_heard: bool = False
    """Whether the client has some of its audio, or of the audio before it."""
    heard_from: float | None = None
    """When the client got the first of its audio, on the clock of `time.monotonic`."""
    key: str | None = None
    """Key of the audio in the cache; None where it is not kept."""
    is_cached: bool | None = None
    """Whether its audio was in the cache; None where that was not looked for."""

    @property
    def audio_s(self) -> float:
        """Seconds of audio."""
        return self.samples / self.sample_rate

    def ahead_s(self, now: float) -> float:
        """Seconds of audio that a client who listens from its first piece on still has; nothing before that."""
        if self.heard_from is None:
            return math.inf if self.is_heard else 0.0
        return self.audio_s - (now - self.heard_from)

    def heard(self, now: float) -> None:
        """Notes that the client gets the first of its audio."""
        self.is_heard, self.heard_from = True, now

    def timed(self, source: Iterator[Item]) -> Iterator[Item]:
        """The items of an iterator, whose time is counted as work."""
        close = getattr(source, "close", None)
        try:
            while True:
                start = time.perf_counter()
                try:
                    item = next(source)
                except StopIteration:
                    return
                finally:
                    self.work_s += time.perf_counter() - start
                yield item
        finally:
            if close is not None:
                close()

    def line(self) -> dict[str, Any]:
        """What the log says of it."""
        found: dict[str, Any] = {
            "characters": self.characters,
            "audio_s": round(self.audio_s, 3),
            "work_ms": round(self.work_s * 1000, 1),
        }
        if self.is_cached is not None:
            found["cached"] = self.is_cached
        return found
