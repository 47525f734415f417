"""Generates the samples of a phrase from its acoustics window by window: a short window first, then longer ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kalakan.synthesis.engines.acoustics import Acoustics, Samples
from kalakan.synthesis.engines.stages import AcousticStage, Engine

FIRST_WINDOW_S = 0.2
"""Length of the first window of a stream: enough to play while the next one is generated."""
GROWTH = 6
"""Ratio of the length of each window of a stream to that of the previous one."""
REST = 3
"""The rest of a phrase is generated at once if it is at most this many times as long as the next window."""
WHOLE = 12
"""The first phrase of a text is generated at once if it is at most this many first windows long: 2.4 s, which the
default voice generates in 15 ms on a server core, as fast as its first window; windows cost a fifth more in total."""


class MelWindows:
    """The log-mel of a phrase, decoded on demand; frames that the next window needs again are kept."""

    def __init__(self, stage: AcousticStage, acoustics: Acoustics) -> None:
        self._stage = stage
        self._hidden = acoustics.hidden
        self._frames = acoustics.frames
        self._context = 0 if stage.windowed is None else stage.windowed.context_frames or 0
        self._kept: Any = acoustics.mel
        self._first = 0
        self._last = 0 if acoustics.mel is None else acoustics.frames

    def window(self, first: int, last: int) -> Any:
        """Log-mel [1, M, last - first] of these frames; no window begins before an earlier one."""
        if last > self._last:
            self._extend(last)
        self._kept = self._kept[:, :, first - self._first :]
        self._first = first
        return self._kept[:, :, : last - first]

    def _extend(self, last: int) -> None:
        start = max(0, self._last - self._context)
        end = min(self._frames, last + self._context)
        mel = self._stage.decode(self._hidden[:, start:end])[:, :, self._last - start : last - start]
        self._kept = mel if self._kept is None else self._stage.join([self._kept, mel])
        self._last = last


class Windows:
    """Cuts phrases into windows: the first window of a text is short, each following one longer."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._seed = seed
        vocoder = engine.vocoder
        self._size = max(1, round(FIRST_WINDOW_S * vocoder.sample_rate / vocoder.hop_length))
        self._is_first = True

    def of(self, acoustics: Acoustics) -> Iterator[Samples]:
        """The samples of a phrase in order.

        Concatenated, they equal those of the whole phrase within 1e-4, because onnxruntime and torch sum in a different
        order for different lengths.
        """
        context = self._engine.vocoder.context_frames(acoustics)
        if context is None:
            yield self._engine.whole(acoustics, self._seed)
            return
        mel = MelWindows(self._engine.acoustic, acoustics)
        start, frames = 0, acoustics.frames
        while start < frames:
            # Every cut computes its context frames twice, which is not worth it for a short rest.
            most = (REST if start or not self._is_first else WHOLE) * self._size
            end = frames if frames - start <= most else start + self._size
            yield window(self._engine, acoustics, mel, (start, end), self._seed)
            start = end
            self._size *= GROWTH
            self._is_first = False


def window(
    engine: Engine, acoustics: Acoustics, mel: MelWindows, place: tuple[int, int], seed: int
) -> Samples:
    """The samples of a phrase for the frames `place[0]` to `place[1]`; windows must come in order."""
    first, last = place
    context = engine.vocoder.context_frames(acoustics)
    assert context is not None, "a vocoder without windows generates whole phrases"
    start, end = max(0, first - context), min(acoustics.frames, last + context)
    audio = engine.vocoder.generate(mel.window(start, end), acoustics, start, seed)
    hop = engine.vocoder.hop_length
    return audio[(first - start) * hop : (last - start) * hop]
