"""The cost of a request."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")


@dataclass
class Usage:
    """The cost of a request; updated while it is processed."""

    sample_rate: int
    """Sample rate of the voice."""
    characters: int = 0
    """Length of the text."""
    samples: int = 0
    """Samples at the voice's rate."""
    work_s: float = 0.0
    """Seconds of worker time spent on it."""
    is_heard: bool = False
    """Whether the client has received any of its audio, or of the audio before it."""
    heard_from: float | None = None
    """When the client received the first of its audio, on the clock of `time.monotonic`."""
    key: str | None = None
    """Key of the audio in the cache; None if it is not cached."""
    is_cached: bool | None = None
    """Whether its audio was in the cache; None if that was not checked."""

    @property
    def audio_s(self) -> float:
        """Seconds of audio."""
        return self.samples / self.sample_rate

    def ahead_s(self, now: float) -> float:
        """Seconds of audio left for a client that has played without a pause since its first piece; 0 before that."""
        if self.heard_from is None:
            return math.inf if self.is_heard else 0.0
        return self.audio_s - (now - self.heard_from)

    def heard(self, now: float) -> None:
        """Records that the client receives the first of its audio."""
        self.is_heard, self.heard_from = True, now

    def timed(self, source: Iterator[Item]) -> Iterator[Item]:
        """The items of an iterator, with its time counted as work."""
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
        """The facts for the log."""
        found: dict[str, Any] = {
            "characters": self.characters,
            "audio_s": round(self.audio_s, 3),
            "work_ms": round(self.work_s * 1000, 1),
        }
        if self.is_cached is not None:
            found["cached"] = self.is_cached
        return found
