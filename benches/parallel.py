"""python benches/parallel.py [VOICE] [--requests N] [--soak N] [--output]: many requests at once.

Requests a second of `ParallelSynthesizer`, of one thread of `synthesize`, of two processes with a thread each, which
share nothing and so show what the cores can give, and of the performance guide's class of queues and threads with the
same engine, taking turns slice by slice; latency and first audio of a stream at 80 % of that load, beside what a
perfect scheduler would reach with the same service times and arrivals; what cached audio costs beside its synthesis;
and what three empty stages cost beside `queue.Queue` threads. Equality of the samples is checked first. Meant for a
machine with two idle cores. Beside every wall time stands the CPU time of this process and the share of the machine
that others used meanwhile; ratios are given for all slices and for the quiet ones. With --soak only sends so many
texts through and watches the memory. With --output writes benches/results/parallel-cpu-<date>.json, or
soak-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import queue
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

os.environ["KALAKAN_NUM_THREADS"] = os.environ.get("KALAKAN_NUM_THREADS", "2")

import numpy as np

from kalakan import ParallelSynthesizer, Synthesizer
from kalakan._rust import Pipeline, PipelineStage
from kalakan.synthesis.cache import CachedSynthesizer, DiskCache, MemoryCache, RedisCache
from kept import keep, record
from perfect_scheduler import arrivals, ideal_latency, percentiles
from synthesis import voice_name

SENTENCES = Path(__file__).parent / "data" / "sentences.txt"
LIMITS = {
    "parallel_to_one_thread": 1.85,
    "parallel_to_queues_and_threads": 1.15,
    "p99_to_median_at_80_percent": 3.0,
    "first_audio_loaded_to_idle": 3.0,
    "memory_hit_speedup": 200.0,
    "disk_hit_speedup": 3.0,
    "redis_hit_speedup": 3.0,
    "soak_growth_mb": 10.0,
}
SENTENCE = "Ɛnnɛ yɛ da pa paa ara, Kofi."
LOAD = 0.8
EMPTY_REQUESTS = 20_000
QUIET = 0.05
"""Share of the machine that others may use during a slice that counts as quiet."""
WARM_UP = 2_000
"""Requests of a soak before its memory is measured."""


class Span:
    """What happens between its begin and `end`: wall time, this process's CPU time, and what others used."""

    def __init__(self) -> None:
        self._begun = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        busy = sum(ticks) - ticks[3] - ticks[4]  # all but idle and waiting for disks
        return time.perf_counter(), time.process_time(), busy / os.sysconf("SC_CLK_TCK")

    def end(self, elsewhere_s: float = 0.0) -> dict[str, float]:
        """Adds the CPU time that processes of this one used meanwhile to its own."""
        wall, cpu, busy = (now - then for now, then in zip(self._now(), self._begun, strict=True))
        cpu += elsewhere_s
        others = max(0.0, busy - cpu) / (wall * (os.cpu_count() or 1))
        return {"wall_s": wall, "cpu_s": cpu, "others": others}


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


class TwoProcesses:
    """Two processes with a synthesizer and a thread each; they take one text after the other."""

    def __init__(self, voice: str) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(2, spawning, initializer=_begin, initargs=(voice,))
        self.cpu_s = 0.0
        """CPU time of the last call."""

    def run(self, texts: Sequence[str]) -> list[None]:
        """Synthesizes texts; the audio stays where it was made."""
        self.cpu_s = sum(self._pool.map(_synthesize, texts))
        return [None] * len(texts)

    def close(self) -> None:
        self._pool.shutdown()


OWN: Synthesizer
"""What a process of `TwoProcesses` works with."""


def _begin(voice: str) -> None:
    global OWN
    OWN = one_threaded(voice)


def _synthesize(text: str) -> float:
    begin = time.process_time()
    OWN.synthesize(text)
    return time.process_time() - begin


def one_threaded(voice: str) -> Synthesizer:
    return Synthesizer(voice or None, config={"inference": {"threads": 1}})


def throughput(
    synthesizer: Synthesizer, voice: str, texts: Sequence[str], size: int, rounds: int
) -> dict[str, object]:
    """Requests a second of four ways, in turns, slice by slice, after a check that they give the same samples."""
    processes = TwoProcesses(voice)
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
        processes.run(texts[:50])
        for name, run in ways.items():
            for audio, wanted in zip(run(texts[:50]), expected, strict=True):
                assert np.array_equal(audio, wanted), f"{name} gives other samples"
        ways["two_processes"] = processes.run
        slices = [texts[start : start + size] for start in range(0, len(texts), size)]
        spans: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        names = list(ways)
        for number, some in enumerate(slices * rounds):
            for place in range(len(names)):
                name = names[(number + place) % len(names)]
                span = Span()
                ways[name](some)
                elsewhere_s = processes.cpu_s if name == "two_processes" else 0.0
                spans[name].append({**span.end(elsewhere_s), "requests": len(some)})
        metrics = parallel.metrics()
    processes.close()
    count = len(slices) * rounds
    quiet = [n for n in range(count) if all(found[n]["others"] < QUIET for found in spans.values())]
    return {
        "requests": len(texts) * rounds,
        "slices": count,
        "quiet_slices": len(quiet),
        "all": compared(spans, range(count)),
        "quiet": compared(spans, quiet) if quiet else None,
        "stages": metrics["stages"],
    }


def compared(spans: dict[str, list[dict[str, float]]], chosen: Sequence[int]) -> dict[str, object]:
    """Medians of some slices, and of the ratios of the ways within each of them."""
    rates = {
        name: [found[n]["requests"] / found[n]["wall_s"] for n in chosen] for name, found in spans.items()
    }

    def ratio(other: str, of: str = "parallel") -> float:
        pairs = zip(rates[of], rates[other], strict=True)
        return round(statistics.median(one / two for one, two in pairs), 3)

    def median(value: Callable[[dict[str, float]], float]) -> dict[str, float]:
        return {
            name: round(statistics.median(value(found[n]) for n in chosen), 3)
            for name, found in spans.items()
        }

    return {
        "requests_per_second": {name: round(statistics.median(found), 2) for name, found in rates.items()},
        "parallel_to_one_thread": ratio("one_thread"),
        "parallel_to_queues_and_threads": ratio("queues_and_threads"),
        "parallel_to_two_processes": ratio("two_processes"),
        "two_processes_to_one_thread": ratio("one_thread", "two_processes"),
        "cpu_ms_per_request": median(lambda span: 1000 * span["cpu_s"] / span["requests"]),
        "cores_kept_busy": median(lambda span: span["cpu_s"] / span["wall_s"]),
        "share_of_machine_used_by_others": median(lambda span: span["others"]),
    }


def service_times(synthesizer: Synthesizer, texts: Sequence[str]) -> list[float]:
    """Seconds of CPU that each text takes in one thread; equal texts are measured once, as the better of two."""

    def measured(text: str) -> float:
        begin = time.thread_time()
        synthesizer.synthesize(text)
        return time.thread_time() - begin

    found = {text: min(measured(text), measured(text)) for text in dict.fromkeys(texts)}
    return [found[text] for text in texts]


def under_load(
    synthesizer: Synthesizer, texts: Sequence[str], services: Sequence[float], rate: float, is_random: bool
) -> dict[str, object]:
    """Latency of requests that come at random or evenly, and first audio of streams, idle and meanwhile; `services` are
    the texts' `service_times`."""
    latencies: list[float] = []
    times = arrivals(len(texts), rate, is_random)
    with ParallelSynthesizer(synthesizer=synthesizer) as parallel:

        def first_audio() -> float:
            begin = time.perf_counter()
            pieces = parallel.stream(SENTENCE)
            next(pieces)
            took = time.perf_counter() - begin
            pieces.close()  # type: ignore[attr-defined]
            return took

        idle = [first_audio() for _ in range(30)]
        span = Span()
        loaded: list[float] = []
        is_over = threading.Event()

        def listen() -> None:
            while not is_over.wait(0.5):
                loaded.append(first_audio())

        listener = threading.Thread(target=listen)
        listener.start()
        requests, begun = [], time.perf_counter()
        for text, due in zip(texts, times, strict=True):
            time.sleep(max(0.0, begun + due - time.perf_counter()))
            begin = time.perf_counter()
            request = parallel.submit(text)
            request.add_done_callback(lambda _, begin=begin: latencies.append(time.perf_counter() - begin))
            requests.append(request)
        for request in requests:
            request.result()
        is_over.set()
        listener.join()
        used = span.end()
    idle_median, loaded_median = statistics.median(idle), statistics.median(loaded)
    return {
        "arrivals": "at random (Poisson)" if is_random else "evenly spaced",
        "requests_per_second": round(rate, 2),
        "cores_kept_busy": round(used["cpu_s"] / used["wall_s"], 2),
        "share_of_machine_used_by_others": round(used["others"], 3),
        "latency_s": percentiles(latencies),
        "perfect_scheduler": {
            "load": round(rate * statistics.mean(services) / 2, 3),
            "service_s": percentiles(services),
            "first_come_first_served": ideal_latency(services, times, lambda due, _: due),
            "shortest_first": ideal_latency(services, times, lambda _, service: service),
        },
        "first_audio_s": {"idle": round(idle_median, 4), "loaded": round(loaded_median, 4)},
        "streams_meanwhile": len(loaded),
        "first_audio_loaded_to_idle": round(loaded_median / idle_median, 2),
    }


@contextmanager
def redis_server(folder: str) -> Iterator[str | None]:
    """The URL of a Redis that is started for the block; None where there is no redis-server."""
    if shutil.which("redis-server") is None:
        yield None
        return
    path = f"{folder}/redis"
    command = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        while not Path(path).exists():
            time.sleep(0.02)
        yield f"unix://{path}"
    finally:
        server.kill()
        server.wait()


def caching(synthesizer: Synthesizer, rounds: int = 60) -> dict[str, object]:
    """What one sentence costs synthesized and out of each cache, in turns."""
    expected = synthesizer.synthesize(SENTENCE)
    with tempfile.TemporaryDirectory() as folder, redis_server(folder) as url:
        ways = {
            "synthesis": synthesizer.synthesize,
            "memory": CachedSynthesizer(synthesizer, MemoryCache()).synthesize,
            "disk": CachedSynthesizer(synthesizer, DiskCache(folder)).synthesize,
        }
        if url is not None:
            ways["redis"] = CachedSynthesizer(synthesizer, RedisCache(url, timeout_s=60)).synthesize
        for run in ways.values():
            run(SENTENCE)
            assert np.array_equal(run(SENTENCE), expected)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                begin, used = time.perf_counter(), time.process_time()
                run(SENTENCE)
                seconds[name].append(time.perf_counter() - begin)
                cpu[name].append(time.process_time() - used)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "audio_s": round(len(expected) / synthesizer.sample_rate, 2),
        "seconds": {name: round(value, 7) for name, value in medians.items()},
        "cpu_seconds": {name: round(statistics.median(found), 7) for name, found in cpu.items()},
        **{
            f"{name}_hit_speedup": round(medians["synthesis"] / value, 1)
            for name, value in medians.items()
            if name != "synthesis"
        },
    }


def soak(synthesizer: Synthesizer, requests: int) -> dict[str, object]:
    """Growth of the resident memory after a warm-up, over distinct texts from 64 callers at a time."""

    def resident_mb() -> float:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    span, seen = Span(), []
    texts = (f"Nnwan {number}." for number in range(requests))
    with ParallelSynthesizer(synthesizer=synthesizer, capacity=64) as parallel:
        for number, audio in enumerate(parallel.map(texts), start=1):
            assert len(audio) > 0
            if number >= WARM_UP and number % 1000 == 0:
                seen.append(round(resident_mb(), 1))
        metrics = parallel.metrics()
    assert (metrics["done"], metrics["failed"], metrics["open"]) == (requests, 0, 0)
    return {
        "requests": requests,
        "warm_up": WARM_UP,
        "resident_mb_each_1000": seen,
        "growth_mb": round(seen[-1] - seen[0], 1),
        **{name: round(value, 3) for name, value in span.end().items()},
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
    parser.add_argument(
        "--slice", type=int, default=100, help="requests that a way gets before its next turn"
    )
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--soak", type=int, metavar="N", help="send N texts through and watch the memory")
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    result = record(
        "many requests at once: throughput, latency and first audio under load, caches, empty stages, memory",
        voice=voice_name(arguments.voice),
        limits=LIMITS,
    )
    result["machine"]["threads"] = os.environ["KALAKAN_NUM_THREADS"]
    synthesizer = one_threaded(arguments.voice)
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    texts = list(islice(cycle(line for line in lines if line.strip()), arguments.requests))
    if arguments.soak is not None:
        name, found = "soak", {"soak": soak(synthesizer, arguments.soak)}
    else:
        rates = throughput(synthesizer, arguments.voice, texts, arguments.slice, arguments.rounds)
        fastest = (rates["quiet"] or rates["all"])["requests_per_second"]["parallel"]  # type: ignore[index]
        services = service_times(synthesizer, texts)
        name, found = (
            "parallel",
            {
                "throughput": rates,
                "at_80_percent": [
                    under_load(synthesizer, texts, services, LOAD * fastest, is_random)
                    for is_random in (True, False)
                ],
                "caches": caching(synthesizer),
                "empty_stages_us": empty_stages(3),
            },
        )
    keep({**result, **found}, f"{name}-cpu", arguments.output)


if __name__ == "__main__":
    main()
