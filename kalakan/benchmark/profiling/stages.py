"""Time of each stage between a text and its audio file."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from kalakan.benchmark.figures import Figures, summary
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.parallel import ParallelSynthesizer
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P

STAGES = ("normalize", "g2p", "tone", "phrases", "acoustic", "vocoder", "encode", "queue")
"""Stages in order. G2P is measured with an empty word cache; "phrases" splits sentences and frames them."""


@dataclass(frozen=True)
class Breakdown:
    """Durations of each stage in seconds."""

    wall: dict[str, Figures]
    """By stage; stages that this synthesizer lacks are missing."""
    cpu: dict[str, Figures]
    """The same in CPU time of the process; without the queue, which only waits."""
    audio_s: float
    """Length of the audio."""

    @property
    def total_s(self) -> float:
        """Sum of the wall-clock medians of all stages."""
        return sum(found["median"] for found in self.wall.values())

    @property
    def slowest(self) -> str:
        """The stage that takes longest."""
        return max(self.wall, key=lambda name: self.wall[name]["median"])

    def lines(self) -> Iterator[str]:
        """A readable table."""
        yield f"{'stage':<10} {'wall ms':>10} {'± ms':>8} {'CPU ms':>10} {'share':>7}"
        for name, found in self.wall.items():
            cpu = f"{1000 * self.cpu[name]['median']:10.3f}" if name in self.cpu else f"{'–':>10}"
            share = found["median"] / self.total_s if self.total_s else 0.0
            yield (
                f"{name:<10} {1000 * found['median']:10.3f} {500 * found['spread']:8.3f} {cpu} {share:7.1%}"
            )
        rtf = self.total_s / self.audio_s
        yield f"{'total':<10} {1000 * self.total_s:10.3f}  of {self.audio_s:.2f} s of audio, RTF {rtf:.4f}"


def breakdown(synthesizer: Synthesizer, text: str, runs: int = 10, warmup: int = 2) -> Breakdown:
    """Runs every stage separately, `runs` times in turns; raises the errors of `Synthesizer.synthesize`."""
    wall: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    samples = 0
    with ParallelSynthesizer(synthesizer=synthesizer, workers=1) as parallel:
        for number in range(-warmup, runs):
            measured = _Turn()
            samples = _run(synthesizer, parallel, text, measured)
            if number >= 0:
                for found, seconds in ((wall, measured.wall), (cpu, measured.cpu)):
                    for name, value in seconds.items():
                        found.setdefault(name, []).append(value)
    order = [name for name in STAGES if name in wall]
    return Breakdown(
        {name: summary(wall[name], 7) for name in order},
        {name: summary(cpu[name], 7) for name in order if name in cpu},
        samples / synthesizer.sample_rate,
    )


class _Turn:
    """Seconds of one run."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Runs some work, and adds its time to a stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        self.add(name, time.perf_counter() - wall, time.process_time() - cpu)
        return found

    def add(self, name: str, wall: float, cpu: float) -> None:
        """Adds seconds to a stage; a negative difference of two measurements is noise."""
        self.wall[name] = max(0.0, self.wall.get(name, 0.0) + wall)
        self.cpu[name] = max(0.0, self.cpu.get(name, 0.0) + cpu)


def _run(synthesizer: Synthesizer, parallel: ParallelSynthesizer, text: str, turn: _Turn) -> int:
    stages, options = synthesizer.stages, SpeakOptions()
    _read(synthesizer, text, turn)
    phrases = turn.time("phrases", lambda: list(stages.text.phrases(text, options)))
    for name in ("normalize", "g2p", "tone"):  # the phrases were read again, with their words
        if name in turn.wall:
            turn.add("phrases", -turn.wall[name], -turn.cpu[name])
    pieces = []
    for phrase in phrases:
        (acoustics,) = turn.time("acoustic", partial(stages.acoustic.predict, stages.batch([phrase])))
        mel = turn.time("acoustic", partial(stages.acoustic.mel, acoustics))
        pieces.append(turn.time("vocoder", partial(stages.vocoder.generate, mel, acoustics, 0, 0)))
    for piece in pieces:
        turn.time("encode", partial(synthesizer.save_audio, piece, io.BytesIO()))
    _queue(parallel, text, turn)
    return sum(map(len, pieces))


def _read(synthesizer: Synthesizer, text: str, turn: _Turn) -> None:
    """Times normalization, G2P and tone prediction; a reader that is not a `TwiG2P` is one stage."""
    reader = synthesizer.g2p
    if not isinstance(reader, TwiG2P):
        turn.time("g2p", lambda: reader.text_to_phoneme_sequence(text))
        return
    turn.time("normalize", lambda: normalize_text(text))
    seconds = {}
    for tones in ("written", "predicted"):
        reader.clear()
        part = _Turn()
        part.time(tones, partial(reader.text_to_phoneme_sequence, text, tones=tones))
        seconds[tones] = part.wall[tones], part.cpu[tones]
    reader.clear()
    written, predicted = seconds["written"], seconds["predicted"]
    turn.add("g2p", written[0] - turn.wall["normalize"], written[1] - turn.cpu["normalize"])
    if synthesizer.voice is not None and synthesizer.voice.tones == "predicted":
        turn.add("tone", predicted[0] - written[0], predicted[1] - written[1])


def _queue(parallel: ParallelSynthesizer, text: str, turn: _Turn) -> None:
    """How long a request waits between the stages of an idle pipeline with one worker."""
    before = _waits(parallel)
    parallel.submit(text).result()
    turn.wall["queue"] = max(0.0, _waits(parallel) - before)


def _waits(parallel: ParallelSynthesizer) -> float:
    stages = parallel.metrics()["stages"]
    return float(sum(stage["wait_s"]["count"] * stage["wait_s"]["mean"] for stage in stages))
