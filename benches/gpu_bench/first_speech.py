"""Text to audio in half precision, and which part of it takes how long."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from gpu_bench.attempts import Attempts, Found
from gpu_bench.end_to_end import SENTENCE, measure, rotations, untrained
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import synchronize
from kalakan.synthesis.engines.stages import acoustic_batch
from kalakan.synthesis.options import SpeakOptions

LOADS = ((1, 10.0), (32, 10.0))
ROUNDS = 7
PARTS = ("text", "acoustic model", "vocoder", "samples to the CPU")


def speech(settings: Settings, attempts: Attempts) -> Iterator[Row]:
    """Each load as a user sees it, then with a wait behind each part: the parts overlap where nobody waits."""
    for items, seconds in ((1, 0.1), (2, 0.1)) if settings.is_dry else LOADS:
        texts = rotations(items, SENTENCE[:6] if settings.is_dry else SENTENCE)
        load = f"{items} x {seconds:g} s"
        yield attempts.row(f"{load}, mixed precision", partial(measure, texts, seconds, True, settings))
        yield attempts.row(f"{load}, parts", partial(parts, texts, seconds, settings))


def parts(texts: Sequence[str], seconds: float, settings: Settings) -> Found:
    """Median milliseconds of each part."""
    synthesizer = untrained(seconds, True, settings)
    stages: Any = synthesizer.stages
    found: dict[str, list[float]] = {name: [] for name in PARTS}
    for index in range(2 if settings.is_dry else ROUNDS + 2):
        times = one_round(stages, texts, settings)
        if index >= (1 if settings.is_dry else 2):
            for name, value in zip(PARTS, times, strict=True):
                found[name].append(1e3 * value)
    return {name: {"ms": round(statistics.median(values), 3)} for name, values in found.items()}


def one_round(stages: Any, texts: Sequence[str], settings: Settings) -> list[float]:
    """Seconds of each part."""
    options, times, clock = SpeakOptions(), [], time.perf_counter

    def timed(work: Callable[[], Any]) -> Any:
        start = clock()
        result = work()
        synchronize(settings.device)
        times.append(clock() - start)
        return result

    def read() -> Any:
        phrases = [phrase for text in texts for phrase in stages.text.phrases(text, options)]
        return acoustic_batch(phrases, options, stages.speakers)

    batch = timed(read)
    acoustics = timed(lambda: stages.acoustic.predict(batch))
    if settings.device == "cuda":
        queued = timed(lambda: stages.engine._queue(acoustics, 0))
        timed(queued)
    else:
        mels = [stages.acoustic.mel(item) for item in acoustics]
        waves = timed(lambda: [stages.vocoder.waveform(mel, None, 0, 0) for mel in mels])
        pairs = list(zip(waves, acoustics, strict=True))
        timed(
            lambda: [stages.vocoder.finished(stages.vocoder.to_host(wave), item, 0) for wave, item in pairs]
        )
    return times
