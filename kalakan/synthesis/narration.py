"""One text on its way through an engine: its breaths one after the other, the silence around them, their times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from kalakan.errors import SynthesisError
from kalakan.synthesis.batching import Engine, speak_all, speak_stream
from kalakan.synthesis.clock import Clock, pause_samples
from kalakan.synthesis.controls import Controls
from kalakan.synthesis.frontend import Breath
from kalakan.synthesis.script import Pause
from kalakan.synthesis.speech import Speech
from kalakan.synthesis.streaming import FIRST_WINDOW_S, Rendering, Samples, Windows
from kalakan.synthesis.timing import Sentence, Timing

OnSentence = Callable[[Sentence], None]
"""What is called with the timing of each sentence, before the first of its samples is given out."""


class Narrator:
    """Speaks breaths with one engine and one set of controls."""

    def __init__(self, engine: Engine, controls: Controls, batch_size: int) -> None:
        self._engine = engine
        self._controls = controls
        self._batch_size = batch_size
        self._hop = int(engine.vocoder.hop_length)
        self._rate = int(engine.vocoder.sample_rate)

    def pieces(
        self, text: str, breaths: Iterable[Breath], on_sentence: OnSentence | None = None
    ) -> Iterator[Samples]:
        """Samples of each breath of a text in order, with the silence around it."""
        clock = Clock(text, self._hop, self._rate)
        for breath, rendering, samples in speak_stream(
            self._engine, breaths, self._controls, self._batch_size
        ):
            if on_sentence is not None:
                on_sentence(_timed(clock, breath, rendering))
            yield self._with_silence(breath, samples)

    def windows(
        self, text: str, breaths: Iterable[Breath], on_sentence: OnSentence | None = None
    ) -> Iterator[Samples]:
        """The same samples in windows, each as soon as it can be heard: a short one first, then longer ones."""
        clock = Clock(text, self._hop, self._rate)
        windows = Windows(round(FIRST_WINDOW_S * self._rate / self._hop))
        for breath in breaths:
            (rendering,) = self._engine.render([breath], self._controls)
            if on_sentence is not None:
                on_sentence(_timed(clock, breath, rendering))
            if breath.before:
                yield self._silence(breath.before)
            yield from windows.of(rendering)
            if breath.after:
                yield self._silence(breath.after)

    def speeches(self, texts: Sequence[str], groups: Sequence[Sequence[Breath]]) -> list[Speech]:
        """Audio and timing of each text, given with its breaths; breaths of several texts may share a batch."""
        speeches = []
        for text, group in zip(texts, self._spoken(groups), strict=True):
            clock = Clock(text, self._hop, self._rate)
            sentences = tuple(_timed(clock, breath, rendering) for breath, rendering, _ in group)
            speeches.append(Speech(self._joined(group), Timing(self._rate, sentences)))
        return speeches

    def audios(self, groups: Sequence[Sequence[Breath]]) -> list[Any]:
        """Audio of each text, given as its breaths."""
        return [self._joined(group) for group in self._spoken(groups)]

    def _spoken(self, groups: Sequence[Sequence[Breath]]) -> list[list[tuple[Breath, Rendering, Samples]]]:
        breaths = [breath for group in groups for breath in group]
        spoken = iter(speak_all(self._engine, breaths, self._controls, self._batch_size))
        return [[(breath, *next(spoken)) for breath in group] for group in groups]

    def _joined(self, group: Sequence[tuple[Breath, Rendering, Samples]]) -> Any:
        pieces = [self._with_silence(breath, samples) for breath, _, samples in group]
        return self._engine.to_audio(np.concatenate(pieces))

    def _with_silence(self, breath: Breath, samples: Samples) -> Samples:
        if not breath.before and not breath.after:
            return samples
        return np.concatenate([self._silence(breath.before), samples, self._silence(breath.after)])

    def _silence(self, pauses: Sequence[Pause]) -> Samples:
        return np.zeros(pause_samples(pauses, self._hop, self._rate), np.float32)


def _timed(clock: Clock, breath: Breath, rendering: Rendering) -> Sentence:
    if rendering.durations is None:
        raise SynthesisError(
            "this acoustic model does not say how long its phonemes last; ask for audio only"
        )
    return clock.sentence(breath, rendering.durations)
