"""Breaths through an engine, in batches of similar length where that is faster, back in their own order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kalakan.synthesis.controls import Controls, speaker_row, within
from kalakan.synthesis.frontend import Breath
from kalakan.synthesis.streaming import Rendering, Samples


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

    def render(self, breaths: Sequence[Breath], controls: Controls) -> list[Rendering]:
        """The breaths of a batch with their durations, ready to be heard whole or window by window."""
        ...

    def speak(
        self, batches: Iterable[Sequence[Breath]], controls: Controls
    ) -> Iterator[list[tuple[Rendering, Samples]]]:
        """Rendering and samples of each breath, batch by batch; it may read a batch before it gives the one before."""
        ...

    def to_audio(self, samples: Samples) -> Any:
        """Samples [S] as the engine's kind of array."""
        ...


def speak_all(
    engine: Engine, breaths: Sequence[Breath], controls: Controls, batch_size: int
) -> list[tuple[Rendering, Samples]]:
    """Each breath's rendering and samples, in the order given; similar lengths share a batch."""
    batch_size = batch_size if engine.runs_batches else 1
    order = sorted(range(len(breaths)), key=lambda index: len(breaths[index].ids))
    spoken: list[Any] = [None] * len(breaths)
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    batches = ([breaths[row] for row in rows] for rows in groups)
    for rows, batch in zip(groups, engine.speak(batches, controls), strict=True):
        for row, pair in zip(rows, batch, strict=True):
            spoken[row] = pair
    return spoken


def speak_stream(
    engine: Engine, breaths: Iterable[Breath], controls: Controls, batch_size: int
) -> Iterator[tuple[Breath, Rendering, Samples]]:
    """Each breath with its rendering and samples in order, with no more than two batches of them in memory."""
    source = iter(breaths)
    batch_size = batch_size if engine.runs_batches else 1
    read: deque[list[Breath]] = deque()

    def batches() -> Iterator[list[Breath]]:
        while group := list(islice(source, batch_size)):
            read.append(group)
            yield group

    for spoken in engine.speak(batches(), controls):
        for breath, (rendering, samples) in zip(read.popleft(), spoken, strict=True):
            yield breath, rendering, samples


def speak_in_turn(
    engine: Engine, batches: Iterable[Sequence[Breath]], controls: Controls
) -> Iterator[list[tuple[Rendering, Samples]]]:
    """`Engine.speak` without anything side by side."""
    for breaths in batches:
        yield [(rendering, rendering.whole()) for rendering in engine.render(breaths, controls)]


def control_arrays(
    controls: Controls, breaths: Sequence[Breath], speakers: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """The controls that differ from the defaults as arrays: speaker [B], the others [B, 1], or [B, N] where markup
    sets them for parts of a breath. What request and markup together ask for is held within the limits."""
    given: dict[str, NDArray[Any]] = {}
    rows = [
        controls.speaker if breath.speaker is None else speaker_row(breath.speaker, speakers)
        for breath in breaths
    ]
    if any(rows):
        given["speaker"] = np.array(rows, np.int64)
    for name, default in (("speed", 1.0), ("pitch", 0.0), ("energy", 1.0)):
        values = [_values(name, getattr(controls, name), breath) for breath in breaths]
        distinct = {value for row in values for value in row}
        if len(distinct) == 1:
            if distinct != {default}:
                given[name] = np.full((len(breaths), 1), distinct.pop(), np.float32)
            continue
        given[name] = np.full((len(breaths), max(map(len, values))), default, np.float32)
        for place, row in enumerate(values):
            given[name][place, : len(row)] = row
    return given


def _values(name: str, base: float, breath: Breath) -> list[float]:
    if name == "pitch":
        return [within(name, base + item.pitch) for item in breath.prosody]
    return [within(name, base * getattr(item, name)) for item in breath.prosody]
