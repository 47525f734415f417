"""The work of a `ParallelSynthesizer`'s workers: its stages as functions of lists of jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kalakan._rust import Again
from kalakan.synthesis.delivery import surrounded
from kalakan.synthesis.devices import DeviceCopies
from kalakan.synthesis.engines.acoustics import Acoustics, Samples
from kalakan.synthesis.forks import FORKS
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase

READ, PREDICT, VOCODE = range(3)
"""The stages."""
END = object()
"""End marker of a stream, after its last chunk."""


@dataclass(eq=False)
class Job:
    """A text in progress. Each stage processes one of its phrases at a time, so that no text blocks others."""

    text: str
    options: SpeakOptions
    phrases: deque[Phrase] = field(default_factory=deque)
    """Phrases read but not yet predicted."""
    predicted: deque[tuple[Phrase, Acoustics, int]] = field(default_factory=deque)
    """Acoustics predicted but not yet vocoded, with the index of the device that holds them."""
    pieces: list[Samples] = field(default_factory=list)
    """Samples of each phrase, with the silence around it."""


@dataclass(eq=False)
class Pull:
    """A request for the next chunk of a stream."""

    source: Iterator[Any]
    place: int
    """The index of its device."""


class Work:
    """The three stages on a synthesizer's copies, whose models may be replaced or moved at any time.

    An exception of a job takes the place of its result and does not affect other jobs.
    """

    def __init__(self, copies: DeviceCopies, batch_size: int) -> None:
        """`batch_size` is the number of phrases per batch of the acoustic model."""
        self._copies = copies
        self._batch_size = batch_size

    def read(self, jobs: Sequence[Job]) -> list[Any]:
        """Text to phrases."""
        with FORKS.none_meanwhile():
            return [_guarded(self._read, job) for job in jobs]

    def predict(self, jobs: Sequence[Job]) -> list[Any]:
        """Phrases to acoustics: the next ones of all jobs, batched by similar length and equal controls."""
        failed: dict[int, Exception] = {}
        groups: dict[SpeakOptions, list[tuple[Job, Phrase]]] = {}
        for job, phrase in self._next_phrases(jobs):
            groups.setdefault(_controls(job.options), []).append((job, phrase))
        with FORKS.none_meanwhile(), self._copies.using() as place:
            for options, group in groups.items():
                self._predict(group, options, place, failed)
        return [failed.get(id(job)) or (Again(job) if job.phrases else job) for job in jobs]

    def vocode(self, jobs: Sequence[Job | Pull]) -> list[Any]:
        """Acoustics to samples, and finished texts to audio; also the next chunk of a stream."""
        with FORKS.none_meanwhile():
            return [_guarded(self._pull if isinstance(job, Pull) else self._vocode, job) for job in jobs]

    def _read(self, job: Job) -> Job:
        job.phrases.extend(self._copies.at(0).stages.text.phrases(job.text, job.options))
        return job

    def _next_phrases(self, jobs: Sequence[Job]) -> list[tuple[Job, Phrase]]:
        """One phrase of every job, and then more while they fit into a batch."""
        found = [(job, job.phrases.popleft()) for job in jobs]
        for job in jobs:
            while job.phrases and len(found) < self._batch_size:
                found.append((job, job.phrases.popleft()))
        return found

    def _predict(
        self,
        group: Sequence[tuple[Job, Phrase]],
        options: SpeakOptions,
        place: int,
        failed: dict[int, Exception],
    ) -> None:
        """Predicts a group at once. If that fails, retries with halves: one phrase may be faulty, or memory too
        small."""
        stages = self._copies.at(place).stages
        order = sorted(range(len(group)), key=lambda row: len(group[row][1].ids))
        try:
            found = stages.acoustic.predict(stages.batch([group[row][1] for row in order], options))
        except Exception as error:
            if len(group) == 1:
                failed[id(group[0][0])] = error
                return
            middle = len(group) // 2
            self._predict(group[:middle], options, place, failed)
            self._predict(group[middle:], options, place, failed)
            return
        by_row = dict(zip(order, found, strict=True))
        for row, (job, phrase) in enumerate(group):
            job.predicted.append((phrase, by_row[row], place))

    def _vocode(self, job: Job) -> Any:
        phrase, acoustics, place = job.predicted.popleft()
        stages = self._copies.at(place).stages
        with self._copies.using(place):
            samples = stages.engine.whole(acoustics, job.options.seed)
        vocoder = stages.vocoder
        job.pieces.append(surrounded(phrase, samples, vocoder.hop_length, vocoder.sample_rate))
        if job.predicted:
            return Again(job)
        return stages.engine.to_audio(np.concatenate(job.pieces))

    def _pull(self, pull: Pull) -> Any:
        with self._copies.using(pull.place):
            return next(pull.source, END)


def _controls(options: SpeakOptions) -> SpeakOptions:
    """Makes options equal that differ only in fields that the acoustic stage does not use."""
    return replace(
        options,
        seed=0,
        ssml=False,
        strict=False,
        sentence_pause=0.0,
        paragraph_pause=0.0,
        heading_pause=0.0,
        scene_pause=0.0,
        lead_in=0.0,
    )


def _guarded(step: Callable[[Any], Any], job: Any) -> Any:
    try:
        return step(job)
    except Exception as error:
        return error
