"""python benches/parallel.py [VOICE] [--requests N] [--rounds N] [--output]: many requests at once.

Requests a second of `ParallelSynthesizer`, of one thread of `synthesize`, and of the performance guide's class of
queues and threads with the same engine, taking turns; latency and first audio of a stream at 80 % of that load; what
cached audio costs beside its synthesis; and what three empty stages cost beside `queue.Queue` threads. Equality of the
samples is checked first. Meant for a machine with two idle cores: the load before the run is written down. With
--output writes benches/results/parallel-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import queue
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

os.environ["KALAKAN_NUM_THREADS"] = os.environ.get("KALAKAN_NUM_THREADS", "2")

import numpy as np

from kalakan import ParallelSynthesizer, Synthesizer
from kalakan._rust import Pipeline, PipelineStage
from kalakan.synthesis.cache import CachedSynthesizer, DiskCache, MemoryCache
from synthesis import RESULTS, cpu_model, voice_name

SENTENCES = Path(__file__).parent / "data" / "sentences.txt"
LIMITS = {
    "parallel_to_one_thread": 1.85,
    "parallel_to_queues_and_threads": 1.15,
    "p99_to_median_at_80_percent": 3.0,
    "first_audio_loaded_to_idle": 3.0,
    "memory_hit_speedup": 200.0,
    "disk_hit_speedup": 3.0,
}
SENTENCE = "Ɛnnɛ yɛ da pa paa ara, Kofi."
LOAD = 0.8
EMPTY_REQUESTS = 20_000


class QueuesAndThreads:
    """The performance guide's parallel pipeline, a thread a stage, over the same stages."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        stages = synthesizer.stages
        self._queues: list[queue.Queue[Any]] = [queue.Queue() for _ in range(4)]
        steps: list[Callable[[Any], Any]] = [
            lambda text: list(stages.text.phrases(text)),
            lambda phrases: [stages.acoustic.predict(stages.batch([phrase]))[0] for phrase in phrases],
            lambda found: np.concatenate([stages.engine.whole(acoustics, 0) for acoustics in found]),
        ]
        for step, source, target in zip(steps, self._queues, self._queues[1:], strict=False):
            threading.Thread(target=self._work, args=(step, source, target), daemon=True).start()

    @staticmethod
    def _work(step: Callable[[Any], Any], source: queue.Queue[Any], target: queue.Queue[Any]) -> None:
        while True:
            payload, request_id = source.get()
            target.put((step(payload), request_id))
            source.task_done()

    def synthesize_async(self, text: str, request_id: Any) -> None:
        self._queues[0].put((text, request_id))

    def get_result(self, timeout: float | None = None) -> tuple[Any, Any]:
        return self._queues[-1].get(timeout=timeout)


def throughput(synthesizer: Synthesizer, texts: Sequence[str], rounds: int) -> dict[str, object]:
    """Requests a second of three ways, in turns, after a check that they give the same samples."""
    expected = [synthesizer.synthesize(text) for text in texts[:50]]
    queues = QueuesAndThreads(synthesizer)
    with ParallelSynthesizer(synthesizer=synthesizer) as parallel:

        def one_by_one(some: Sequence[str]) -> list[Any]:
            return [synthesizer.synthesize(text) for text in some]

        def through(service: Any) -> Callable[[Sequence[str]], list[Any]]:
            def run(some: Sequence[str]) -> list[Any]:
                for number, text in enumerate(some):
                    service.synthesize_async(text, number)
                found = dict(reversed(service.get_result(timeout=600)) for _ in some)
                return [found[number] for number in range(len(some))]

            return run

        ways = {
            "one_thread": one_by_one,
            "parallel": through(parallel),
            "queues_and_threads": through(queues),
        }
        for name, run in ways.items():
            for audio, wanted in zip(run(texts[:50]), expected, strict=True):
                assert np.array_equal(audio, wanted), f"{name} gives other samples"
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                begin = time.perf_counter()
                run(texts)
                rates[name].append(len(texts) / (time.perf_counter() - begin))
        metrics = parallel.metrics()
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "requests": len(texts),
        "requests_per_second": {name: round(rate, 2) for name, rate in medians.items()},
        "of_each_round": {name: [round(rate, 2) for rate in found] for name, found in rates.items()},
        "parallel_to_one_thread": round(medians["parallel"] / medians["one_thread"], 3),
        "parallel_to_queues_and_threads": round(medians["parallel"] / medians["queues_and_threads"], 3),
        "stages": metrics["stages"],
    }


def under_load(synthesizer: Synthesizer, texts: Sequence[str], rate: float) -> dict[str, object]:
    """Latency of requests that come at random, and first audio of streams, idle and meanwhile."""
    rng = random.Random(7)
    latencies: list[float] = []
    with ParallelSynthesizer(synthesizer=synthesizer) as parallel:

        def first_audio() -> float:
            begin = time.perf_counter()
            pieces = parallel.stream(SENTENCE)
            next(pieces)
            took = time.perf_counter() - begin
            pieces.close()  # type: ignore[attr-defined]
            return took

        idle = [first_audio() for _ in range(30)]
        loaded: list[float] = []
        is_over = threading.Event()

        def listen() -> None:
            while not is_over.wait(0.5):
                loaded.append(first_audio())

        listener = threading.Thread(target=listen)
        listener.start()
        requests, due = [], time.perf_counter()
        for text in texts:
            due += rng.expovariate(rate)
            time.sleep(max(0.0, due - time.perf_counter()))
            begin = time.perf_counter()
            request = parallel.submit(text)
            request.add_done_callback(lambda _, begin=begin: latencies.append(time.perf_counter() - begin))
            requests.append(request)
        for request in requests:
            request.result()
        is_over.set()
        listener.join()
    latencies.sort()
    median, p99 = statistics.median(latencies), latencies[int(len(latencies) * 0.99)]
    idle_median, loaded_median = statistics.median(idle), statistics.median(loaded)
    return {
        "requests_per_second": round(rate, 2),
        "latency_s": {"median": round(median, 4), "p99": round(p99, 4)},
        "p99_to_median": round(p99 / median, 2),
        "first_audio_s": {"idle": round(idle_median, 4), "loaded": round(loaded_median, 4)},
        "streams_meanwhile": len(loaded),
        "first_audio_loaded_to_idle": round(loaded_median / idle_median, 2),
    }


def caching(synthesizer: Synthesizer, rounds: int = 30) -> dict[str, object]:
    """What one sentence costs synthesized and out of each cache."""
    expected = synthesizer.synthesize(SENTENCE)
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "synthesis": synthesizer.synthesize,
            "memory": CachedSynthesizer(synthesizer, MemoryCache()).synthesize,
            "disk": CachedSynthesizer(synthesizer, DiskCache(folder)).synthesize,
        }
        for run in ways.values():
            run(SENTENCE)
            assert np.array_equal(run(SENTENCE), expected)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                begin = time.perf_counter()
                run(SENTENCE)
                seconds[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "audio_s": round(len(expected) / synthesizer.sample_rate, 2),
        "seconds": {name: round(value, 7) for name, value in medians.items()},
        "memory_hit_speedup": round(medians["synthesis"] / medians["memory"], 1),
        "disk_hit_speedup": round(medians["synthesis"] / medians["disk"], 1),
    }


def empty_stages(rounds: int) -> dict[str, object]:
    """Microseconds of a request through three stages that return what they get, from Python and back."""

    def through_pipeline(workers: list[int], max_batch: int) -> float:
        pools = list(range(len(workers))) if len(workers) > 1 else [0, 0, 0]
        stages = [
            PipelineStage("empty", lambda batch: batch, max_batch=max_batch, pool=pool) for pool in pools
        ]
        pipeline = Pipeline(stages, workers)
        return timed(pipeline.submit, pipeline.result, pipeline.drain)

    def through_queues() -> float:
        queues: list[queue.Queue[Any]] = [queue.Queue(64) for _ in range(4)]

        def work(source: queue.Queue[Any], target: queue.Queue[Any]) -> None:
            while (payload := source.get()) is not None:
                target.put(payload)
            target.put(None)

        for pair in pairwise(queues):
            threading.Thread(target=work, args=pair, daemon=True).start()
        return timed(queues[0].put, queues[-1].get, lambda: queues[0].put(None))

    def timed(send: Callable[[int], object], take: Callable[[], object], end: Callable[[], object]) -> float:
        begin = time.perf_counter()
        sender = threading.Thread(target=lambda: [send(n) for n in range(EMPTY_REQUESTS)])
        sender.start()
        for _ in range(EMPTY_REQUESTS):
            take()
        took = time.perf_counter() - begin
        sender.join()
        end()
        return took / EMPTY_REQUESTS * 1e6

    ways: dict[str, Callable[[], float]] = {
        "pipeline, one pool of 2": lambda: through_pipeline([2], 1),
        "pipeline, one pool of 2, batches of 16": lambda: through_pipeline([2], 16),
        "pipeline, a worker a stage": lambda: through_pipeline([1, 1, 1], 1),
        "queue.Queue, a thread a stage": through_queues,
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            found[name].append(run())
    return {name: round(statistics.median(values), 2) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voice", nargs="?", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    synthesizer = Synthesizer(arguments.voice or None, config={"inference": {"threads": 1}})
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    texts = list(islice(cycle(line for line in lines if line.strip()), arguments.requests))
    rates = throughput(synthesizer, texts, arguments.rounds)
    rate = LOAD * rates["requests_per_second"]["parallel"]  # type: ignore[index]
    result = {
        "what": "many requests at once: throughput, latency and first audio under load, caches, empty stages",
        "command": " ".join(["python", "benches/parallel.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "threads": os.environ["KALAKAN_NUM_THREADS"],
            "load_1_min_before": round(load, 2),
            "python": platform.python_version(),
        },
        "voice": voice_name(arguments.voice),
        "rounds": arguments.rounds,
        "limits": LIMITS,
        "throughput": rates,
        "at_80_percent": under_load(synthesizer, texts, rate),
        "caches": caching(synthesizer),
        "empty_stages_us": empty_stages(arguments.rounds),
    }
    content = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    if arguments.output:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"parallel-cpu-{result['date']}.json").write_text(content, encoding="utf-8")
    sys.stdout.write(content)


if __name__ == "__main__":
    main()
