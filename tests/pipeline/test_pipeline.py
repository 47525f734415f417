"""The pipeline as Python sees it: stages that are functions, on threads of Rust."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kalakan._rust import Again, Done, Pipeline, PipelineStage
from kalakan.errors import (
    ConfigError,
    DeadlineExceeded,
    PipelineClosed,
    PipelineError,
    PipelineFull,
    RequestCancelled,
)

LONG = 60.0
"""Seconds that nothing here takes: only a fault makes a test wait so long."""


def passing(batch: list[Any]) -> list[Any]:
    return batch


def taken(pipeline: Pipeline, count: int) -> Iterator[tuple[Any, Any, BaseException | None]]:
    for _ in range(count):
        found = pipeline.result(LONG)
        assert found is not None
        yield found


class Gate:
    """A stage that holds its first payload until it is opened, and notes the order of all."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.served: list[Any] = []

    def __call__(self, batch: list[Any]) -> list[Any]:
        self.served += batch
        if "first" in batch:
            self.reached.set()
            assert self.opened.wait(LONG)
        return batch


@pytest.fixture
def gated() -> Iterator[tuple[Pipeline, Gate]]:
    gate = Gate()
    pipeline = Pipeline([PipelineStage("gate", gate, capacity=3)], [1])
    pipeline.submit("first", key="first")
    assert gate.reached.wait(LONG)
    yield pipeline, gate
    gate.opened.set()
    assert pipeline.drain(LONG)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("pools", "workers"), [([0, 0, 0], [2]), ([0, 1, 2], [1, 2, 1])])
def test_every_request_of_many_threads_comes_out_once_as_its_own(
    ordered: bool, pools: list[int], workers: list[int]
) -> None:
    steps: list[Callable[[int], int]] = [lambda n: n + 1, lambda n: n * 3, lambda n: n - 2]
    stages = [
        PipelineStage(
            f"stage {at}", lambda batch, step=step: [step(n) for n in batch], max_batch=4, pool=pool
        )
        for at, (step, pool) in enumerate(zip(steps, pools, strict=True))
    ]
    pipeline = Pipeline(stages, workers, ordered=ordered)

    def send(first: int) -> None:
        for n in range(first, 2000, 4):
            pipeline.submit(n, key=n)

    senders = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for sender in senders:
        sender.start()
    found = list(taken(pipeline, 2000))
    for sender in senders:
        sender.join()
    assert sorted(found) == [(n, (n + 1) * 3 - 2, None) for n in range(2000)]
    assert pipeline.pending == 0 and pipeline.result(0) is None
    assert pipeline.drain(LONG)
    metrics = pipeline.metrics()
    assert (metrics["open"], metrics["done"]) == (0, 2000)
    for stage in metrics["stages"]:
        assert stage["wait_s"]["count"] == 2000 and stage["batch"]["greatest"] <= 4
        assert 0 <= stage["service_s"]["p50"] <= stage["service_s"]["greatest"]


def test_ordered_results_come_as_submitted_and_others_as_done() -> None:
    slow = threading.Event()

    def work(batch: list[Any]) -> list[Any]:
        if batch == ["slow"]:
            assert slow.wait(LONG)
        return batch

    for ordered, expected in ((True, ["slow", "quick"]), (False, ["quick", "slow"])):
        slow.clear()
        pipeline = Pipeline([PipelineStage("work", work)], [2], ordered=ordered)
        done = threading.Event()
        pipeline.submit("slow", key="slow")
        pipeline.submit("quick", key="quick")
        pipeline.submit("told", reply=lambda value, error, done=done: done.set())
        assert done.wait(LONG)  # by the worker that served "quick" before
        slow.set()
        assert [key for key, _, _ in taken(pipeline, 2)] == expected


def test_an_exception_costs_its_own_request_and_no_neighbor() -> None:
    calls: list[list[int]] = []

    def picky(batch: list[int]) -> list[Any]:
        calls.append(batch)
        for n in batch:
            if n == 3:
                raise ValueError(f"{n} is odd")
        return [KeyError(n) if n == 5 else n for n in batch]

    pipeline = Pipeline([PipelineStage("picky", picky, max_batch=4, max_wait=LONG)], [1], ordered=True)
    for n in (2, 3, 4, 5):
        pipeline.submit(n, key=n)
    found = {key: (value, error) for key, value, error in taken(pipeline, 4)}
    assert calls == [[2, 3, 4, 5], [2], [3], [4], [5]]
    assert found[2] == (2, None) and found[4] == (4, None)
    assert isinstance(found[3][1], ValueError) and str(found[3][1]) == "3 is odd"
    assert found[3][1].__traceback__ is not None
    assert isinstance(found[5][1], KeyError)
    for n in (6, 7, 8, 9):  # the worker lives
        pipeline.submit(n)
    assert [value for _, value, _ in taken(pipeline, 4)] == [6, 7, 8, 9]
    assert (pipeline.metrics()["done"], pipeline.metrics()["failed"]) == (6, 2)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([], "stage wrong returned 0 results for 1 payloads; it must return one for each"),
        (None, "stage wrong returned a NoneType; it must return a list"),
    ],
)
def test_a_stage_that_breaks_its_contract_fails_its_request(returned: Any, said: str) -> None:
    pipeline = Pipeline([PipelineStage("wrong", lambda batch: returned)], [1])
    pipeline.submit("x")
    ((_, value, error),) = taken(pipeline, 1)
    assert value is None and said in str(error)


def test_exits_of_a_stage_are_errors_of_the_request() -> None:
    def leave(batch: list[Any]) -> list[Any]:
        raise SystemExit(3)

    pipeline = Pipeline([PipelineStage("leave", leave)], [1])
    for _ in range(2):
        pipeline.submit("x")
        ((_, _, error),) = taken(pipeline, 1)
        assert isinstance(error, SystemExit)


def test_again_gives_way_to_others_and_done_skips_stages() -> None:
    served: list[tuple[str, int]] = []

    def slices(batch: list[tuple[str, int]]) -> list[Any]:
        served.extend(batch)
        (name, left), *_ = batch
        return [Again((name, left - 1)) if left else Done(name) if name == "done" else name]

    gate = Gate()
    stages = [
        PipelineStage("gate", gate),
        PipelineStage("slices", slices),
        PipelineStage("last", lambda b: [f"{b[0]}!"]),
    ]
    pipeline = Pipeline(stages, [1], ordered=True)
    pipeline.submit("first", reply=lambda value, error: None)
    assert gate.reached.wait(LONG)
    pipeline.submit(("long", 2), stage=1)
    pipeline.submit(("done", 1), stage=1)
    gate.opened.set()
    # The gate hands "first" to the slices, which cannot take it apart: its failure is its own.
    assert [value for _, value, _ in taken(pipeline, 2)] == ["long!", "done"]
    order = [item for item in served if isinstance(item, tuple)]
    assert order == [("long", 2), ("done", 1), ("long", 1), ("done", 0), ("long", 0)]


def test_a_full_stage_waits_or_refuses(gated: tuple[Pipeline, Gate]) -> None:
    pipeline, gate = gated
    for n in range(2):
        pipeline.submit(n, key=n)
    with pytest.raises(PipelineFull, match="the pipeline is full"):
        pipeline.submit("x", timeout=0)
    with pytest.raises(PipelineFull):
        pipeline.submit("x", timeout=0.01)
    pipeline.submit("urgent", priority=0, timeout=0)  # each priority has places of its own
    sender = threading.Thread(target=pipeline.submit, args=("late",))
    sender.start()
    gate.opened.set()
    sender.join(LONG)
    assert not sender.is_alive()
    assert {value for _, value, _ in taken(pipeline, 5)} == {"first", 0, 1, "urgent", "late"}
    assert gate.served[:4] == ["first", "urgent", 0, 1]


def test_what_is_cancelled_or_late_is_never_worked_on(gated: tuple[Pipeline, Gate]) -> None:
    pipeline, gate = gated
    ticket = pipeline.submit("cancelled", key="cancelled")
    pipeline.submit("late", key="late", deadline=0)
    assert not ticket.is_settled and ticket.cancel() and ticket.is_settled and not ticket.cancel()
    key, value, error = next(taken(pipeline, 1))
    assert (key, value) == ("cancelled", None) and isinstance(error, RequestCancelled)
    gate.opened.set()
    found = {key: error for key, _, error in taken(pipeline, 2)}
    assert found["first"] is None
    assert isinstance(found["late"], DeadlineExceeded) and isinstance(found["late"], TimeoutError)
    assert gate.served == ["first"]
    metrics = pipeline.metrics()
    assert (metrics["done"], metrics["cancelled"], metrics["expired"]) == (1, 1, 1)


def test_a_request_cancelled_in_work_is_answered_once(gated: tuple[Pipeline, Gate]) -> None:
    pipeline, gate = gated
    gate.opened.set()
    assert next(taken(pipeline, 1))[0] == "first"
    gate.opened.clear()
    gate.reached.clear()
    ticket = pipeline.submit("first", key="again")
    assert gate.reached.wait(LONG) and ticket.cancel()
    assert isinstance(next(taken(pipeline, 1))[2], RequestCancelled)
    gate.opened.set()
    assert pipeline.drain(LONG) and pipeline.pending == 0


def test_an_abort_ends_what_waits_and_what_is_in_work(gated: tuple[Pipeline, Gate]) -> None:
    pipeline, gate = gated
    pipeline.submit("waits", key="waits")
    with pytest.raises(PipelineError, match="not closed"):
        pipeline.join()
    pipeline.abort()
    key, _, error = next(taken(pipeline, 1))
    assert key == "waits" and isinstance(error, PipelineClosed)
    assert pipeline.is_closed and not pipeline.join(0)
    with pytest.raises(PipelineClosed, match="takes no more requests"):
        pipeline.submit("x")
    gate.opened.set()
    assert pipeline.join(LONG)
    assert isinstance(next(taken(pipeline, 1))[2], PipelineClosed)


def test_a_batch_fills_up_before_it_is_worked_on() -> None:
    pipeline = Pipeline([PipelineStage("size", lambda b: [len(b)] * len(b), max_batch=3, max_wait=LONG)], [2])
    for n in range(3):
        pipeline.submit(n)
    assert [value for _, value, _ in taken(pipeline, 3)] == [3, 3, 3]


def test_a_reply_runs_in_a_worker_and_may_drain(capfd: pytest.CaptureFixture[str]) -> None:
    pipeline = Pipeline([PipelineStage("pass", passing)], [1])
    seen: list[Any] = []
    done = threading.Event()

    def reply(value: Any, error: BaseException | None) -> None:
        seen.append((value, error, threading.get_ident() != main, pipeline.drain()))
        done.set()

    main = threading.get_ident()
    pipeline.submit("x", reply=reply)
    assert done.wait(LONG)
    assert seen == [("x", None, True, False)]  # a worker does not wait for itself
    assert pipeline.drain(LONG)


def test_a_reply_that_raises_is_told_and_harms_nobody() -> None:
    told: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, told.append
    try:
        pipeline = Pipeline([PipelineStage("pass", passing)], [1])
        pipeline.submit("x", reply=lambda value, error: 1 / 0)
        pipeline.submit("y")
        assert next(taken(pipeline, 1))[1] == "y"
    finally:
        sys.unraisablehook = before
    assert [item.exc_type for item in told] == [ZeroDivisionError]


def test_a_thread_keeps_what_is_local_to_it() -> None:
    local = threading.local()

    def count(batch: list[Any]) -> list[Any]:
        local.calls = getattr(local, "calls", 0) + 1
        return [local.calls]

    pipeline = Pipeline([PipelineStage("count", count)], [1])
    for _ in range(3):
        pipeline.submit(None)
    assert [value for _, value, _ in taken(pipeline, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Pipeline([], [1]), "has no stage"),
        (lambda: Pipeline([PipelineStage("a", passing)], [0]), "pool 0 has 0 workers"),
        (lambda: Pipeline([PipelineStage("a", passing, pool=1)], [1]), "pool is 1; the pipeline has 1"),
        (lambda: Pipeline([PipelineStage("a", passing, max_batch=65)], [1]), "max_batch 65"),
        (lambda: PipelineStage("a", passing, max_wait=-1), "max_wait is -1"),
        (lambda: PipelineStage("a", passing, max_wait=float("nan")), "max_wait is NaN"),
    ],
)
def test_options_out_of_range_are_named(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_arguments_of_a_request_are_checked() -> None:
    pipeline = Pipeline([PipelineStage("a", passing)], [1])
    with pytest.raises(ConfigError, match="priority is 3"):
        pipeline.submit("x", priority=3)
    with pytest.raises(ConfigError, match="has no stage 1"):
        pipeline.submit("x", stage=1)
    with pytest.raises(ConfigError, match="deadline is -1"):
        pipeline.submit("x", deadline=-1)
    with pytest.raises(ConfigError, match="timeout is inf"):
        pipeline.result(float("inf"))
    assert pipeline.pending == 0, "what was refused leaves no gap"


def test_a_pipeline_that_is_dropped_ends_and_lets_its_functions_go() -> None:
    gate = Gate()
    seen = weakref.ref(gate)
    pipeline = Pipeline([PipelineStage("gate", gate)], [1])
    replies: list[Any] = []
    done = threading.Event()
    pipeline.submit("first", reply=lambda value, error: (replies.append(error), done.set()))
    assert gate.reached.wait(LONG)
    gate.opened.set()
    del pipeline
    assert done.wait(LONG)
    del gate
    until = time.monotonic() + LONG
    while seen() is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert seen() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_gets_an_error_and_may_make_its_own() -> None:
    code = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from kalakan._rust import Pipeline, PipelineStage
from kalakan.errors import PipelineError
make = lambda: Pipeline([PipelineStage("pass", lambda batch: batch)], [2])
pipeline = make()
ticket = pipeline.submit("parent")
if os.fork() == 0:
    for touch in (lambda: pipeline.submit("x"), lambda: pipeline.result(0), lambda: pipeline.drain(), pipeline.abort,
                  pipeline.join, pipeline.metrics, ticket.cancel, lambda: pipeline.pending):
        try:
            touch()
        except PipelineError as error:
            assert "make one after the fork" in str(error), error
        else:
            raise SystemExit("no error")
    del pipeline
    own = make()
    own.submit("child")
    assert own.result(60)[1] == "child"
    raise SystemExit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert pipeline.result(60)[1] == "parent"
print("both")
"""
    assert run(code) == "both\n"


def test_the_interpreter_ends_with_pipelines_open() -> None:
    code = """
import random, threading, time
from kalakan._rust import Pipeline, PipelineStage
def work(batch):
    time.sleep(random.random() * 0.01)
    return batch
pipelines = [Pipeline([PipelineStage("a", work), PipelineStage("b", work)], [2]) for _ in range(5)]
for pipeline in pipelines:
    for n in range(50):
        pipeline.submit(n)
print("end")
"""
    for _ in range(3):
        assert run(code) == "end\n"


def test_importing_starts_no_thread() -> None:
    code = "import kalakan._rust, os; print(len(os.listdir('/proc/self/task')))"
    if not Path("/proc/self/task").is_dir():
        pytest.skip("threads are counted in /proc")
    assert run(code) == "1\n"


@pytest.mark.skipif(os.name == "nt", reason="a signal to a process of its own")
@pytest.mark.parametrize("wait", ["pipeline.result()", "pipeline.drain()", "pipeline.submit('x')"])
def test_ctrl_c_ends_a_wait(wait: str) -> None:
    code = f"""
import threading
from kalakan._rust import Pipeline, PipelineStage
opened = threading.Event()
def hold(batch):
    print("ready", flush=True)
    opened.wait(60)
    return batch
pipeline = Pipeline([PipelineStage("hold", hold, capacity=1)], [1])
pipeline.submit("held", reply=lambda value, error: None)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted")
opened.set()
"""
    process = subprocess.Popen([sys.executable, "-I", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.random() * 0.1)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 0


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
