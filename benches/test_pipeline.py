"""Many requests through `ParallelSynthesizer`, its stages and caches beside plain Python, CPU time of all threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beside import beside, equal, suite
from kalakan import ParallelSynthesizer, Synthesizer
from kalakan._rust import Pipeline, PipelineStage
from kalakan.synthesis.cache import CachedSynthesizer, DiskCache, MemoryCache
from parallel import SENTENCE, QueuesAndThreads

TEXTS = (Path(__file__).parent / "data/sentences.txt").read_text(encoding="utf-8").splitlines()[:12]
REQUESTS = 2000

pytestmark = suite("pipeline")


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(config={"inference": {"threads": 1}})


@pytest.fixture(scope="module")
def parallel(synthesizer: Synthesizer) -> Iterator[ParallelSynthesizer]:
    with ParallelSynthesizer(synthesizer=synthesizer) as running:
        yield running


def same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def through(service: Any) -> list[np.ndarray]:
    """The audio of all texts, in order, from a service that may answer in any."""
    for number, text in enumerate(TEXTS):
        service.synthesize_async(text, number)
    found = dict(reversed(service.get_result(timeout=600)) for _ in TEXTS)
    return [found[number] for number in range(len(TEXTS))]


def test_parallel_beside_one_thread(
    benchmark: Any, synthesizer: Synthesizer, parallel: ParallelSynthesizer
) -> None:
    beside(
        benchmark,
        lambda: through(parallel),
        lambda: [synthesizer.synthesize(text) for text in TEXTS],
        same,
        rounds=7,
    )


def test_parallel_beside_queues_and_threads(
    benchmark: Any, synthesizer: Synthesizer, parallel: ParallelSynthesizer
) -> None:
    queues = QueuesAndThreads(synthesizer)
    beside(benchmark, lambda: through(parallel), lambda: through(queues), same, rounds=7)


def test_empty_stages(benchmark: Any) -> None:
    """Three stages that return what they get, beside `queue.Queue` and a thread a stage."""
    pipeline = Pipeline([PipelineStage("empty", lambda batch: batch, max_batch=1, pool=0)] * 3, [2])
    queues: list[queue.Queue[Any]] = [queue.Queue(64) for _ in range(4)]

    def work(source: queue.Queue[Any], target: queue.Queue[Any]) -> None:
        while (payload := source.get()) is not None:
            target.put(payload)
        target.put(None)

    for pair in pairwise(queues):
        threading.Thread(target=work, args=pair, daemon=True).start()

    def run(send: Any, take: Any) -> int:
        sender = threading.Thread(target=lambda: [send(number) for number in range(REQUESTS)])
        sender.start()
        found = [take() for _ in range(REQUESTS)]
        sender.join()
        return len(found)

    beside(
        benchmark,
        lambda: run(pipeline.submit, pipeline.result),
        lambda: run(queues[0].put, queues[-1].get),
        equal,
    )
    pipeline.drain()
    queues[0].put(None)


@pytest.mark.parametrize("name", ["memory", "disk"])
def test_cache(benchmark: Any, synthesizer: Synthesizer, name: str, tmp_path: Path) -> None:
    """Audio out of a cache beside its synthesis."""
    cached = CachedSynthesizer(synthesizer, MemoryCache() if name == "memory" else DiskCache(tmp_path))
    cached.synthesize(SENTENCE)
    beside(
        benchmark,
        lambda: cached.synthesize(SENTENCE),
        lambda: synthesizer.synthesize(SENTENCE),
        np.testing.assert_array_equal,
    )
