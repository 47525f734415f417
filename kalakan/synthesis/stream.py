"""Streaming synthesis of a text."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from kalakan.errors import SynthesisError
from kalakan.synthesis.delivery import Chunk
from kalakan.synthesis.engines.acoustics import Samples
from kalakan.synthesis.options import is_number
from kalakan.synthesis.timing import PhraseTiming


class Stream(Iterator[Any]):
    """Iterates over audio chunks [S_i] of a text, each as soon as it is generated.

    `chunks` iterates over the same audio, together with the sentences that begin in each chunk. A stream that is not
    exhausted is closed by `close`, by leaving its `with` block, or when the last reference to it is deleted.
    """

    def __init__(self, chunks: Generator[Chunk, None, None], sample_rate: int) -> None:
        self._chunks = chunks
        self.sample_rate = sample_rate
        """Sample rate in Hz."""

    def __next__(self) -> Any:
        return next(self._chunks).audio

    def chunks(self) -> Iterator[Chunk]:
        """The rest of the stream, as chunks."""
        return self._chunks

    def close(self) -> None:
        """Stops the synthesis; a closed stream has no more chunks."""
        self._chunks.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def chunk_samples(chunk_ms: float, sample_rate: int) -> int:
    """Samples of a chunk; raises `SynthesisError` for a length that is not a number of at least 1 ms."""
    if not is_number(chunk_ms) or not 1.0 <= chunk_ms < math.inf:
        raise SynthesisError(f"chunk_ms is {chunk_ms!r}; it must be a number of milliseconds of at least 1")
    return max(1, round(chunk_ms * sample_rate / 1000))


def resized(
    chunks: Iterable[Chunk], size: int, to_audio: Callable[[Samples], Any]
) -> Generator[Chunk, None, None]:
    """The same audio in chunks of `size` samples; the last one may be shorter."""
    waiting: list[Samples] = []
    begun: deque[PhraseTiming] = deque()
    count = end = 0

    def cut(samples: Samples) -> Chunk:
        nonlocal end
        end += len(samples)
        begins = []
        while begun and begun[0].start < end:
            begins.append(begun.popleft())
        return Chunk(to_audio(samples), tuple(begins))

    for chunk in chunks:
        samples = np.asarray(chunk.audio)
        waiting.append(samples)
        begun.extend(chunk.begins)
        count += len(samples)
        if count >= size:
            joined = np.concatenate(waiting)
            whole = count - count % size
            yield from map(cut, np.split(joined[:whole], range(size, whole, size)))
            waiting, count = [joined[whole:]], count - whole
    if count:
        yield cut(np.concatenate(waiting))
