"""The stream of chunks that every synthesis method iterates over."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics, Samples
from kalakan.synthesis.engines.stages import Engine, acoustic_batch
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.script import Pause
from kalakan.synthesis.timing import PhraseTiming, Sentence
from kalakan.synthesis.windows import Windows


@dataclass(frozen=True, eq=False)
class Chunk:
    """A piece of audio; the chunks of a text follow each other without a gap."""

    audio: Any
    """Audio [S], float32 in [-1, 1]: a numpy array from the onnx engine, a CPU tensor from the torch engine."""
    begins: tuple[PhraseTiming, ...] = ()
    """Data from which the timing of each sentence that begins in this chunk is computed."""

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Timing of each sentence that begins in this chunk, computed on demand.

        Raises `SynthesisError` for an acoustic model without durations.
        """
        return tuple(timing.sentence() for timing in self.begins)


class Delivery:
    """Generates the phrases of texts, one after another, with one engine and one set of options."""

    def __init__(self, engine: Engine, options: SpeakOptions, batch_size: int) -> None:
        self._engine = engine
        self._options = options
        self._batch_size = batch_size if engine.runs_batches else 1
        self._hop = engine.vocoder.hop_length
        self._rate = engine.vocoder.sample_rate

    def sentences(self, text: str, phrases: Iterable[Phrase]) -> Generator[Chunk, None, None]:
        """One chunk for each phrase of a text, with the silence around it."""
        return self._chunks(text, self._in_order(phrases))

    def windows(self, text: str, phrases: Iterable[Phrase]) -> Generator[Chunk, None, None]:
        """The same samples in windows, each as soon as it is generated: a short one first, then longer ones."""
        windows, start = Windows(self._engine, self._options.seed), 0
        for phrase in phrases:
            (acoustics,) = self._engine.acoustic.predict(self._batch([phrase]))
            begins = self._timing(text, phrase, acoustics.durations, start)
            before, after = self._silence(phrase.before), self._silence(phrase.after)
            for samples in chain(before, windows.of(acoustics), after):
                yield Chunk(self._engine.to_audio(samples), begins)
                begins = ()
                start += len(samples)

    def texts(self, texts: Sequence[str], groups: Sequence[Sequence[Phrase]]) -> list[list[Chunk]]:
        """The chunks of each text, given with its phrases; phrases of several texts may share a batch."""
        generated = iter(self._by_length([phrase for group in groups for phrase in group]))
        return [
            list(self._chunks(text, ((phrase, *next(generated)) for phrase in group)))
            for text, group in zip(texts, groups, strict=True)
        ]

    def joined(self, chunks: Iterable[Chunk]) -> Any:
        """The audio [S] of chunks; a single chunk is not copied."""
        chunks = list(chunks)
        if len(chunks) == 1:
            return chunks[0].audio
        return self._engine.to_audio(np.concatenate([np.asarray(chunk.audio) for chunk in chunks]))

    def _chunks(
        self, text: str, generated: Iterable[tuple[Phrase, Acoustics, Samples]]
    ) -> Generator[Chunk, None, None]:
        start = 0
        for phrase, acoustics, samples in generated:
            begins = self._timing(text, phrase, acoustics.durations, start)
            samples = surrounded(phrase, samples, self._hop, self._rate)
            yield Chunk(self._engine.to_audio(samples), begins)
            start += len(samples)

    def _in_order(self, phrases: Iterable[Phrase]) -> Iterator[tuple[Phrase, Acoustics, Samples]]:
        """Each phrase with its acoustics and samples, with no more than two batches of them in memory."""
        source = iter(phrases)
        read: deque[list[Phrase]] = deque()

        def batches() -> Iterator[AcousticBatch]:
            while group := list(islice(source, self._batch_size)):
                read.append(group)
                yield self._batch(group)

        for generated in self._engine.generate(batches(), self._options.seed):
            for phrase, (acoustics, samples) in zip(read.popleft(), generated, strict=True):
                yield phrase, acoustics, samples

    def _by_length(self, phrases: Sequence[Phrase]) -> list[tuple[Acoustics, Samples]]:
        """Acoustics and samples of each phrase, in the order given; similar lengths share a batch."""
        order = sorted(range(len(phrases)), key=lambda index: len(phrases[index].ids))
        size = self._batch_size
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        batches = (self._batch([phrases[row] for row in rows]) for rows in groups)
        found: list[Any] = [None] * len(phrases)
        for rows, batch in zip(groups, self._engine.generate(batches, self._options.seed), strict=True):
            for row, pair in zip(rows, batch, strict=True):
                found[row] = pair
        return found

    def _batch(self, phrases: Sequence[Phrase]) -> AcousticBatch:
        return acoustic_batch(phrases, self._options, self._engine.speakers, self._engine.levels)

    def _timing(
        self, text: str, phrase: Phrase, durations: NDArray[np.int64] | None, start: int
    ) -> tuple[PhraseTiming, ...]:
        return (PhraseTiming(text, phrase, durations, start, self._hop, self._rate),)

    def _silence(self, pauses: Sequence[Pause]) -> list[Samples]:
        return silence(pauses, self._hop, self._rate)


def surrounded(phrase: Phrase, samples: Samples, hop_length: int, sample_rate: int) -> Samples:
    """Samples [S] of a phrase with the silence before and after it."""
    if not phrase.before and not phrase.after:
        return samples
    before, after = (silence(pauses, hop_length, sample_rate) for pauses in (phrase.before, phrase.after))
    return np.concatenate([*before, samples, *after])


def silence(pauses: Sequence[Pause], hop_length: int, sample_rate: int) -> list[Samples]:
    """Silence of consecutive pauses; nothing where there are none."""
    if not pauses:
        return []
    return [np.zeros(sum(pause.samples(hop_length, sample_rate) for pause in pauses), np.float32)]
