"""From the acoustics of a phrase to its samples window by window: a short window first, then longer ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kalakan.synthesis.engines.acoustics import Acoustics, Samples
from kalakan.synthesis.engines.stages import AcousticStage, Engine

FIRST_WINDOW_S = 0.2
"""Audio of the first window of a stream: enough to play while the next is generated."""
GROWTH = 6
"""How many times longer each window of a stream is than the one before."""
REST = 3
"""How many times longer than its window the rest of a phrase may be to be generated at once."""
WHOLE = 12
"""How many first windows a phrase may last to be generated at once where it begins a text: 2.4 s, which the default
voice generates in 15 ms on a server core, as fast as a first window of them; windows cost a fifth more in all."""


class MelWindows:
    """The log-mel of a phrase, decoded on demand; the frames that the next window needs again are kept."""

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
    """Cuts one phrase after the other into windows: the first of a text is short, each next one longer."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._seed = seed
        vocoder = engine.vocoder
        self._size = max(1, round(FIRST_WINDOW_S * vocoder.sample_rate / vocoder.hop_length))
        self._is_first = True

    def of(self, acoustics: Acoustics) -> Iterator[Samples]:
        """The samples of a phrase in order.

        Joined they equal those of the whole phrase to a tolerance of 1e-4: onnxruntime and torch sum in another order
        for another length.
        """
        context = self._engine.vocoder.context_frames(acoustics)
        if context is None:
            yield self._engine.whole(acoustics, self._seed)
            return
        mel = MelWindows(self._engine.acoustic, acoustics)
        start, frames = 0, acoustics.frames
        while start < frames:
            # Every cut computes its context frames twice, which a rest little longer than its window does not repay.
            most = (REST if start or not self._is_first else WHOLE) * self._size
            end = frames if frames - start <= most else start + self._size
            yield window(self._engine, acoustics, mel, (start, end), self._seed)
            start = end
            self._size *= GROWTH
            self._is_first = False


def window(
    engine: Engine, acoustics: Acoustics, mel: MelWindows, place: tuple[int, int], seed: int
) -> Samples:
    """Those samples of a phrase that belong to the frames `place[0]` to `place[1]`; windows come in order."""
    first, last = place
    context = engine.vocoder.context_frames(acoustics)
    assert context is not None, "a vocoder without windows generates whole phrases"
    start, end = max(0, first - context), min(acoustics.frames, last + context)
    audio = engine.vocoder.generate(mel.window(start, end), acoustics, start, seed)
    hop = engine.vocoder.hop_length
    return audio[(first - start) * hop : (last - start) * hop]
