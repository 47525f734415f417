"""Synthesis for asyncio: the same samples, a free event loop, no thread left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.errors import SynthesisError, TextError
from kalakan.synthesis.event_loop import AHEAD, in_thread

TEXT = "Akwaaba! Wo ho te sɛn? Me din de Kofi."
MANNER: dict[str, Any] = {"speaker": "kwame", "speed": 1.25, "sentence_pause": 0.1, "seed": 3}


def threads_now() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kalakan-async"]


def wait_for_threads() -> None:
    """Until the threads without work have ended, which they do at once."""
    deadline = time.monotonic() + 20
    while threads_now() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads_now()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    wait_for_threads()


def joined(chunks: list[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(chunk) for chunk in chunks])


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_asynthesize_is_synthesize(tiny_voice: Path, engine: str) -> None:
    synthesizer = Synthesizer(tiny_voice, engine=engine)
    audio = asyncio.run(synthesizer.asynthesize(TEXT, **MANNER))
    expected = synthesizer.synthesize(TEXT, **MANNER)
    assert type(audio) is type(expected)
    assert np.array_equal(audio, expected)


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_astream_is_stream(tiny_voice: Path, engine: str) -> None:
    synthesizer = Synthesizer(tiny_voice, engine=engine)

    async def chunks() -> list[Any]:
        return [chunk async for chunk in synthesizer.astream(TEXT, chunk_ms=70, **MANNER)]

    found, expected = asyncio.run(chunks()), list(synthesizer.stream(TEXT, chunk_ms=70, **MANNER))
    assert [len(chunk) for chunk in found] == [len(chunk) for chunk in expected]
    assert np.array_equal(joined(found), joined(expected))


def test_ssml_arrives(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    document = "<speak>Yoo <break time='500ms'/> yoo</speak>"
    audio = asyncio.run(synthesizer.asynthesize(document, ssml=True))
    assert np.array_equal(audio, synthesizer.synthesize(document, ssml=True))


def test_side_by_side_everyone_gets_his_own(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)
    texts = [f"Me din de {name}." for name in ("Kofi", "Ama", "Yaw", "Akosua", "Abena")] * 3

    async def speak() -> list[Any]:
        return await asyncio.gather(*(synthesizer.asynthesize(text) for text in texts))

    for text, audio in zip(texts, asyncio.run(speak()), strict=True):
        assert np.array_equal(audio, synthesizer.synthesize(text))


def test_errors_reach_who_awaits(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)

    async def first_chunk() -> None:
        async for _ in synthesizer.astream("😀"):
            pass

    with pytest.raises(TextError, match="nothing pronounceable"):
        asyncio.run(first_chunk())
    with pytest.raises(SynthesisError, match=r"speed is 9; it must lie between 0\.5 and 2"):
        asyncio.run(synthesizer.asynthesize("Yoo", speed=9))


class Counter:
    """Counts, as long as it is asked; `gate` holds it up at an item."""

    def __init__(self, held_at: int | None = None) -> None:
        self.made = 0
        self.gate = threading.Event()
        self.held_at = held_at
        self.is_held = False
        self.is_closed = False

    def __call__(self) -> Iterator[int]:
        try:
            while True:
                if self.made == self.held_at:
                    self.is_held = True
                    assert self.gate.wait(20)
                self.made += 1
                yield self.made
        finally:
            self.is_closed = True


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_the_work_waits_for_the_listener() -> None:
    counter = Counter()

    async def listen() -> None:
        async with aclosing(in_thread(counter)) as items:
            assert await anext(items) == 1
            await until(lambda: counter.made == 1 + AHEAD)
            await asyncio.sleep(0.05)
            assert counter.made == 1 + AHEAD
            assert await anext(items) == 2
            await until(lambda: counter.made == 2 + AHEAD)

    asyncio.run(listen())
    assert counter.is_closed


def test_the_event_loop_is_free_while_a_chunk_is_made() -> None:
    counter = Counter(held_at=1)

    async def listen() -> None:
        async with aclosing(in_thread(counter)) as items:
            assert await anext(items) == 1
            waiting = asyncio.ensure_future(anext(items))
            for _ in range(5):
                await asyncio.sleep(0)
                assert not waiting.done()
            counter.gate.set()  # by the loop itself: were it blocked, no one would
            assert await waiting == 2

    asyncio.run(listen())


def test_a_cancelled_task_ends_after_the_chunk_in_work() -> None:
    counter = Counter(held_at=1)

    async def listen() -> None:
        async def consume() -> None:
            async with aclosing(in_thread(counter)) as items:
                async for _ in items:
                    pass

        task = asyncio.ensure_future(consume())
        await until(lambda: counter.is_held)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done(), "the chunk in work is still being made"
        counter.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        wait_for_threads()

    asyncio.run(listen())
    assert counter.made == 2
    assert counter.is_closed


def test_cancelling_a_synthesis_leaves_no_thread(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)

    async def speak() -> None:
        task = asyncio.ensure_future(synthesizer.asynthesize("Wo ho te sɛn? " * 3000))
        await until(lambda: bool(threads_now()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wait_for_threads()

    asyncio.run(speak())


def test_a_loop_that_is_left_early_ends_the_work(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice)

    async def speak() -> None:
        async for _ in synthesizer.astream("Wo ho te sɛn? " * 3000):
            break

    asyncio.run(speak())
    wait_for_threads()


def test_a_loop_that_is_closed_without_a_word_ends_the_work() -> None:
    async def begin() -> Any:
        items = in_thread(Counter())
        await anext(items)
        return items

    loop = asyncio.new_event_loop()
    items = loop.run_until_complete(begin())
    loop.close()
    del items
    wait_for_threads()


class CollectedFirst(threading.Thread):
    """A thread before whose start another one collects the garbage, as any thread may at any moment."""

    def start(self) -> None:
        collector = threading.Thread(target=gc.collect, daemon=True)
        collector.start()
        collector.join(20)
        assert not collector.is_alive(), (
            "the garbage collection waits for a lock that the starting thread holds"
        )
        super().start()


def test_garbage_collected_while_a_thread_starts_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin() -> Any:
        items = in_thread(Counter())
        await anext(items)
        return items

    async def one() -> int:
        async with aclosing(in_thread(lambda: iter([7]))) as items:
            return await anext(items)

    gc.collect()
    gc.disable()
    try:
        loop = asyncio.new_event_loop()
        left = [loop.run_until_complete(begin())]
        loop.close()
        wait_for_threads()
        left.append(left)  # garbage that only a collection finds
        del left
        monkeypatch.setattr(
            "kalakan.synthesis.event_loop.threading",
            SimpleNamespace(Thread=CollectedFirst, Lock=threading.Lock),
        )
        assert asyncio.run(one()) == 7
    finally:
        gc.enable()


def test_an_error_in_the_middle_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2, 3)
        raise TextError("broken")

    async def listen() -> list[int]:
        found = []
        with pytest.raises(TextError, match="broken"):
            async for item in in_thread(items):
                found.append(item)
        return found

    assert asyncio.run(listen()) == [1, 2, 3]


def test_context_variables_reach_the_thread() -> None:
    import contextvars

    name = contextvars.ContextVar("name", default="none")

    async def listen() -> list[str]:
        name.set("Ama")
        return [item async for item in in_thread(lambda: iter([name.get()]))]

    assert asyncio.run(listen()) == ["Ama"]


def test_any_number_of_calls_share_the_threads_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "2")
    inside, most, lock = set(), [], threading.Lock()

    def items() -> Iterator[int]:
        for item in range(5):
            with lock:
                inside.add(threading.get_ident())
                most.append(len(inside))
            time.sleep(0.002)
            with lock:
                inside.discard(threading.get_ident())
            yield item

    async def listen(threads: int) -> list[int]:
        found = []
        async for item in in_thread(items, threads=threads):
            found.append(item)
        return found

    async def all_at_once(threads: int) -> None:
        assert await asyncio.gather(*(listen(threads) for _ in range(20))) == [[0, 1, 2, 3, 4]] * 20

    asyncio.run(all_at_once(1))
    assert max(most) == 2
    most.clear()
    asyncio.run(all_at_once(2))  # each call uses both
    assert max(most) == 1


def test_consumers_that_wait_hold_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "1")

    async def listen() -> None:
        idle = [in_thread(Counter()) for _ in range(4)]
        for items in idle:
            assert await anext(items) == 1
        async with aclosing(in_thread(Counter())) as other:
            assert [await anext(other) for _ in range(5)] == [1, 2, 3, 4, 5]
        for items in idle:
            assert await anext(items) == 2
            await items.aclose()

    asyncio.run(listen())


def test_who_has_nothing_yet_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "1")
    order: list[str] = []
    held = Counter(held_at=0)

    def named(name: str) -> Callable[[], Iterator[int]]:
        def items() -> Iterator[int]:
            for item in range(3):
                order.append(name)
                yield item

        return items

    async def listen() -> None:
        async with aclosing(in_thread(held)) as first:
            waiting = asyncio.ensure_future(anext(first))
            await until(lambda: held.is_held)
            others = [asyncio.ensure_future(take(name)) for name in "ab"]
            await asyncio.sleep(0)
            held.gate.set()
            await asyncio.gather(waiting, *others)

    async def take(name: str) -> None:
        async for _ in in_thread(named(name)):
            pass

    asyncio.run(listen())
    assert order[:2] == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_threads_of_its_own() -> None:
    code = """
import asyncio, os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from kalakan.synthesis.event_loop import in_thread
async def listen():
    return [item async for item in in_thread(lambda: iter(range(3)))]
async def fork():
    items = in_thread(lambda: iter(range(100)))
    await anext(items)
    child = os.fork()
    if child == 0:
        del items
        os._exit(0 if asyncio.new_event_loop().run_until_complete(listen()) == [0, 1, 2] else 1)
    await items.aclose()
    return child
child = asyncio.run(fork())
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert asyncio.run(listen()) == [0, 1, 2]
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=30)


def test_who_does_not_await_does_not_import_asyncio() -> None:
    code = "import sys, kalakan.synthesis.synthesizer; assert not {'asyncio', 'soundfile'} & set(sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
