"""Features of a corpus by one process and by several, from an empty cache: wall-clock time, for idle cores.

    python benches/features.py CORPUS [--utterances N] [--workers 2] [--rounds N] [--output FILE]

The turns alternate: one process on one core, one process that may use every core (Praat and BLAS start threads of their
own), and the workers, whose start is part of their time. The first turn is what scaling is measured against. Beside the
wall clock, CPU seconds are told, of this process and its workers: what is left of them beside one process's is the cost
of the workers, whatever else runs here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kalakan.config.schema import AudioConfig
from kept import keep, record


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="corpus folder with durations")
    parser.add_argument("--utterances", type=int, help="only so many of its training split")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=Path, help="results, JSON")
    options = parser.parse_args()
    command = ["CORPUS", "--workers", str(options.workers), "--rounds", str(options.rounds)]
    if options.utterances:
        command += ["--utterances", str(options.utterances)]
    head = record(
        "features of recordings from an empty cache, by this process and by worker processes, wall-clock time",
        command,
    )
    several = f"{options.workers} workers"
    ways = {"one process on one core": 0, "one process": 0, several: options.workers}
    turns: dict[str, list[float]] = {way: [] for way in ways}
    used: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, workers in ways.items():
            with cores(1 if way == "one process on one core" else None):
                taken, cpu, count, audio_s = features(options.corpus, options.utterances, workers)
            turns[way].append(round(taken, 2))
            used[way].append(round(cpu, 2))
    best = {way: min(seconds) for way, seconds in turns.items()}
    found: dict[str, Any] = {
        "utterances": count,
        "audio_minutes": round(audio_s / 60, 2),
        "seconds": turns,
        "cpu_seconds": used,
        "times_faster_than_one_core": round(best["one process on one core"] / best[several], 2),
        "times_faster_than_one_process": round(best["one process"] / best[several], 2),
    }
    keep(head | found, "features-cpu", options.output)


@contextmanager
def cores(most: int | None) -> Iterator[None]:
    """Keeps every thread of this process, and those that they start, on the first `most` of its cores."""
    usable = os.sched_getaffinity(0)
    chosen = set(sorted(usable)[:most])
    _pin(chosen)
    try:
        yield
    finally:
        _pin(usable)


def _pin(chosen: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # ended meanwhile
            os.sched_setaffinity(int(thread.name), chosen)


def features(corpus: Path, utterances: int | None, workers: int) -> tuple[float, float, int, float]:
    """Seconds and CPU seconds that the features took, how many utterances they are of, and the seconds of these."""
    from kalakan.data.dataset import TwiDataset  # not above, where the workers would import it

    cache = Path(tempfile.mkdtemp(prefix="kalakan-features-"))
    try:
        dataset = TwiDataset(corpus, split="train", audio=AudioConfig(), features=cache)
        dataset.utterances = dataset.utterances[:utterances]
        begin, cpu = time.perf_counter(), sum(os.times()[:4])
        dataset.prepare(workers=workers)
        taken, cpu = time.perf_counter() - begin, sum(os.times()[:4]) - cpu
        length = sum(item.samples for item in dataset.utterances) / dataset.audio.sample_rate
        return taken, cpu, len(dataset.utterances), length
    finally:
        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    main()
