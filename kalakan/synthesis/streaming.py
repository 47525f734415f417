"""From a breath to its audio, whole or window by window, with the same samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.loudness import soft_limit, vocode_unclipped
from kalakan.errors import AudioError, SynthesisError
from kalakan.synthesis.controls import is_number

Samples = NDArray[np.float32]
FIRST_WINDOW_S = 0.2
"""Audio of the first window of a stream: enough to play while the next is made."""
GROWTH = 6
"""How many times longer each window of a stream is than the one before."""
REST = 3
"""How many times longer than its window the rest of a breath may be to be spoken at once."""
WHOLE = 12
"""How many first windows a breath may last to be spoken at once where it begins a text: 2.4 s, which the default voice
speaks in 15 ms of a server's core, are heard as soon as a window of them that costs a fifth more in all."""


class Mel(Protocol):
    """The log-mel of a breath, which may come bit by bit."""

    frames: int
    """Its length T."""

    def window(self, first: int, last: int) -> Any:
        """Log-mel [1, M, last - first] of these frames; no window begins before an earlier one."""
        ...


class WholeMel:
    """A log-mel [1, M, T] that is there."""

    def __init__(self, mel: Any) -> None:
        self._mel = mel
        self.frames = int(mel.shape[2])

    def window(self, first: int, last: int) -> Any:
        """See `Mel`."""
        return self._mel[:, :, first:last]


class DecodedMel:
    """A log-mel that is decoded as far as it is asked for; the frames that the next window needs again are kept."""

    def __init__(
        self, frames: Any, context: int, decode: Callable[[Any], Any], concatenate: Callable[..., Any]
    ) -> None:
        """`frames` [1, T, C] are what `decode` turns into log-mel; `concatenate` joins a list along an axis."""
        self._source = frames
        self._decode = decode
        self._concatenate = concatenate
        self._kept: Any = None
        self._first = self._last = 0
        self.frames = int(frames.shape[1])
        self._context = context

    def window(self, first: int, last: int) -> Any:
        """See `Mel`."""
        if last > self._last:
            self._extend(last)
        self._kept = self._kept[:, :, first - self._first :]
        self._first = first
        return self._kept[:, :, : last - first]

    def _extend(self, last: int) -> None:
        start = max(0, self._last - self._context)
        end = min(self.frames, last + self._context)
        mel = self._decode(self._source[:, start:end])[:, :, self._last - start : last - start]
        self._kept = mel if self._kept is None else self._concatenate([self._kept, mel], 2)
        self._last = last


@dataclass(frozen=True)
class Rendering:
    """A breath whose acoustics are known."""

    durations: NDArray[np.int64] | None
    """Frames of each phoneme [N]; None for an acoustic model that does not say."""
    mel: Mel
    """Its log-mel."""
    vocode: Callable[[Any, int], Any]
    """Samples [W * hop_length] of a log-mel [1, M, W] that begins at a frame; they may exceed [-1, 1]."""
    context_frames: int | None
    """Frames at each end of a window that `vocode` cannot complete; None if it needs the whole breath."""
    hop_length: int
    """Samples that one frame becomes."""

    def whole(self) -> Samples:
        """Audio [T * hop_length] in [-1, 1]."""
        return self.finished(self.vocode(self.mel.window(0, self.mel.frames), 0))

    def window(self, first: int, last: int) -> Samples:
        """Those samples of `whole` that belong to the frames `first` to `last`. Windows come in order.

        Equal to a tolerance of 1e-4: onnxruntime and torch sum in another order for another length.
        """
        context = self.context_frames
        assert context is not None, "a vocoder without windows speaks whole breaths"
        start, end = max(0, first - context), min(self.mel.frames, last + context)
        audio = self.finished(self.vocode(self.mel.window(start, end), start))
        return audio[(first - start) * self.hop_length : (last - start) * self.hop_length]

    def finished(self, audio: Any) -> Samples:
        """What `vocode` gave, held within [-1, 1]; raises `SynthesisError` for samples that are not finite."""
        try:
            return soft_limit(np.asarray(audio, np.float32))
        except AudioError as error:
            raise SynthesisError(
                "the model spoke samples that are not finite; its weights are broken"
            ) from error


class Windows:
    """Cuts one breath after the other into windows: the first of a text is short, each next one longer."""

    def __init__(self, first_frames: int) -> None:
        self._size = max(1, first_frames)
        self._is_first = True

    def of(self, rendering: Rendering) -> Iterator[Samples]:
        """The samples of a breath in order."""
        if rendering.context_frames is None:
            yield rendering.whole()
            return
        start, frames = 0, rendering.mel.frames
        while start < frames:
            # A rest that is little longer than its window is not worth the frames that every cut costs twice.
            most = (REST if start or not self._is_first else WHOLE) * self._size
            end = frames if frames - start <= most else start + self._size
            yield rendering.whole() if (start, end) == (0, frames) else rendering.window(start, end)
            start = end
            self._size *= GROWTH
            self._is_first = False


def vocoder_call(vocoder: Any, f0: Any, seed: int) -> tuple[Callable[[Any, int], Any], int | None]:
    """How to get the samples of a window from a vocoder (see `kalakan.models.interfaces.Vocoder`), and its context.

    `f0` [1, T] is the breath's, or None. One that has no `render` speaks whole breaths.
    """
    takes_f0 = bool(getattr(vocoder, "takes_f0", False))
    given = f0 if takes_f0 else None
    if not hasattr(vocoder, "render"):
        more = () if given is None else (given,)
        return lambda mel, first: vocode_unclipped(vocoder.inference, mel, *more), None
    # The pulses of a whole breath follow its F0: one that is heard from the mel needs all of the mel.
    context = None if takes_f0 and given is None else vocoder.context_frames
    return lambda mel, first: vocoder.render(mel, given, first, seed)[0], context


def chunk_samples(chunk_ms: float, sample_rate: int) -> int:
    """Samples of a chunk; raises `SynthesisError` for a length that is no number of at least 1 ms."""
    if not is_number(chunk_ms) or not 1.0 <= chunk_ms < math.inf:
        raise SynthesisError(f"chunk_ms is {chunk_ms!r}; it must be a number of milliseconds of at least 1")
    return max(1, round(chunk_ms * sample_rate / 1000))


def in_chunks(pieces: Iterator[Samples], size: int) -> Iterator[Samples]:
    """The same samples in chunks of `size` of them; the last one may be shorter."""
    waiting: list[Samples] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece)
        if count >= size:
            joined = np.concatenate(waiting)
            whole = count - count % size
            yield from np.split(joined[:whole], range(size, whole, size))
            waiting, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)
