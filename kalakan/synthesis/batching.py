"""Sentences through an engine in batches of similar length, back in their own order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import PhonemeBatch, pad


class Engine(Protocol):
    """What turns phonemes into audio; arrays are numpy's or torch's, as the engine's `name` says."""

    name: str
    """"onnx" or "torch"."""
    acoustic_model: Any
    """Obeys `kalakan.models.interfaces.AcousticModel`, with the engine's arrays."""
    vocoder: Any
    """Obeys `kalakan.models.interfaces.Vocoder`, with the engine's arrays."""
    speakers: tuple[str, ...]
    """Speakers in the order of their rows."""

    @property
    def runs_batches(self) -> bool:
        """Whether sentences side by side are faster than one after the other.

        They are on a GPU. On a CPU padding costs more than it saves (8 sentences of 1 to 8 s: 6 % slower; 32: 2 to 3
        times), and alone a sentence gives the same bits in any company.
        """
        ...

    def speak(self, batch: PhonemeBatch, controls: Controls) -> list[Any]:
        """Audio [S_i] of each sentence of a batch, without the padding."""
        ...

    def join(self, pieces: Sequence[Any]) -> Any:
        """One audio [S] in [-1, 1] of consecutive pieces: one gain for all of it, and only if it would clip."""
        ...


def speak_all(
    engine: Engine, sequences: Sequence[list[int]], controls: Controls, batch_size: int
) -> list[Any]:
    """Audio [S_i] of each id sequence, in the order given; similar lengths share a batch."""
    batch_size = batch_size if engine.runs_batches else 1
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    audios: list[Any] = [None] * len(sequences)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        for index, audio in zip(rows, engine.speak(pad([sequences[i] for i in rows]), controls), strict=True):
            audios[index] = audio
    return audios


def speak_stream(
    engine: Engine, sequences: Iterable[list[int]], controls: Controls, batch_size: int
) -> Iterator[Any]:
    """Audio [S_i] of each id sequence in order, with no more than `batch_size` of them in memory."""
    source = iter(sequences)
    batch_size = batch_size if engine.runs_batches else 1
    while group := list(islice(source, batch_size)):
        yield from speak_all(engine, group, controls, batch_size)
