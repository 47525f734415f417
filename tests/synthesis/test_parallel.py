"""ParallelSynthesizer: many texts at once give the samples that one after the other gives."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import aclosing
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan import ParallelSynthesizer, SpeakOptions, Synthesizer
from kalakan.errors import (
    ConfigError,
    DeadlineExceeded,
    PipelineClosed,
    PipelineFull,
    SynthesisError,
    TextError,
)
from kalakan.synthesis.devices import DeviceCopies
from kalakan.synthesis.engines.acoustics import AcousticBatch, Acoustics
from kalakan.synthesis.forks import Forks
from kalakan.synthesis.threads import cgroup_cores, thread_budget
from kalakan.synthesis.work import Job, Work
from kalakan.text.twi_g2p import TwiG2P

TEXTS = [
    "Akwaaba!",
    "Wo ho te sɛn? Me ho yɛ. Na wo nso ɛ?",
    "Me din de Kofi, na mefiri Kumasi.",
    "Aane.",
    "Da yie",
]
UNSPEAKABLE = "…"
LONG = 60.0
"""Seconds that nothing here takes: only a fault makes a test wait so long."""


@pytest.fixture(scope="module", params=["onnx", "torch"])
def synthesizer(request: pytest.FixtureRequest, tiny_voice: Path) -> Synthesizer:
    return Synthesizer(tiny_voice, engine=request.param)


@pytest.fixture
def parallel(synthesizer: Synthesizer) -> Iterator[ParallelSynthesizer]:
    with ParallelSynthesizer(synthesizer=synthesizer, workers=2) as parallel:
        yield parallel


class Held:
    """A reader that waits at the text "hold" until it is let go."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.reached, self.let_go = threading.Event(), threading.Event()

    def text_to_phoneme_sequence(self, text: str) -> list[int]:
        if text.strip() == "hold":
            self.reached.set()
            assert self.let_go.wait(LONG)
        return self._reader.text_to_phoneme_sequence(text)


@pytest.fixture
def held(tiny_voice: Path) -> Iterator[tuple[ParallelSynthesizer, Held]]:
    """One worker, held, with room for two more requests."""
    synthesizer = Synthesizer(tiny_voice)
    reader = Held(synthesizer.g2p)
    synthesizer.g2p = reader
    with ParallelSynthesizer(synthesizer=synthesizer, workers=1, capacity=3) as parallel:
        first = parallel.submit("hold")
        assert reader.reached.wait(LONG)
        yield parallel, reader
        reader.let_go.set()
    assert len(first.result(LONG)) > 0


def same(audio: Any, expected: Any) -> bool:
    return type(audio) is type(expected) and np.array_equal(np.asarray(audio), np.asarray(expected))


def test_audio_of_many_callers_is_that_of_one_after_the_other(
    parallel: ParallelSynthesizer, synthesizer: Synthesizer
) -> None:
    texts = [f"{TEXTS[n % 5]} Me wɔ nnwan {n + 1}." for n in range(64)]
    options = [
        SpeakOptions(speed=(1.0, 1.3)[n % 2], seed=n, speaker=(None, "kwame")[n % 3 == 0]) for n in range(64)
    ]
    expected = [synthesizer.synthesize(*pair) for pair in zip(texts, options, strict=True)]
    found: list[Any] = [None] * 64

    def call(n: int) -> None:
        found[n] = parallel.submit(texts[n], options[n]).result(LONG)

    callers = [threading.Thread(target=call, args=(n,)) for n in range(64)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all(map(same, found, expected))


def test_the_seeds_way_to_use_it(synthesizer: Synthesizer, tiny_voice: Path) -> None:
    source: Any = tiny_voice
    with ParallelSynthesizer(source, None, "cpu") as parallel:
        for n, text in enumerate(TEXTS):
            parallel.synthesize_async(text, request_id=f"r{n}")
        found = dict(reversed(parallel.get_result(timeout=LONG)) for _ in TEXTS)
        assert parallel.get_result(timeout=0) == (None, None)
    onnx = Synthesizer(tiny_voice)
    for n, text in enumerate(TEXTS):
        assert same(found[f"r{n}"], onnx.synthesize(text))


def test_models_of_another_synthesizer_serve(synthesizer: Synthesizer) -> None:
    with ParallelSynthesizer(synthesizer.acoustic_model, synthesizer.vocoder, "cpu") as parallel:
        parallel.synthesize_async(TEXTS[0], 7)
        audio, request_id = parallel.get_result(LONG)
    assert request_id == 7
    assert same(audio, synthesizer.synthesize(TEXTS[0]))


def test_models_of_the_default_voice_are_read_as_it_is() -> None:
    default = Synthesizer()
    with ParallelSynthesizer(default.acoustic_model, default.vocoder) as parallel:
        assert parallel.synthesizer.speakers == default.speakers
        assert same(parallel.submit(TEXTS[2]).result(LONG), default.synthesize(TEXTS[2]))


def test_a_loaded_model_brings_speakers_reader_and_vocoder(synthesizer: Synthesizer) -> None:
    reader = synthesizer.g2p
    synthesizer.g2p = TwiG2P(lexicon={"kofi": "k o f"})
    try:
        twin = Synthesizer(acoustic_model=synthesizer.acoustic_model)
        assert twin.g2p is synthesizer.g2p and twin.vocoder is synthesizer.vocoder
        assert (twin.engine, twin.voice) == (synthesizer.engine, synthesizer.voice)
        expected = synthesizer.synthesize(TEXTS[2], speaker="kwame")
        assert same(twin.synthesize(TEXTS[2], speaker="kwame"), expected)
        with ParallelSynthesizer(twin.acoustic_model) as parallel:
            assert same(parallel.submit(TEXTS[2], speaker="kwame").result(LONG), expected)
    finally:
        synthesizer.g2p = reader
    own = Synthesizer(acoustic_model=synthesizer.acoustic_model, lexicon={"kofi": "a"})
    assert not same(own.synthesize("Kofi"), synthesizer.synthesize("Kofi"))
    assert own.fingerprint is None


@pytest.mark.torch
def test_models_of_two_engines_do_not_mix(tiny_voice: Path) -> None:
    onnx, torch = (Synthesizer(tiny_voice, engine=name) for name in ("onnx", "torch"))
    with pytest.raises(ConfigError, match=r"^acoustic_model is a OnnxAcoustic\w+, which takes numpy arrays"):
        Synthesizer(acoustic_model=onnx.acoustic_model, vocoder=torch.vocoder)
    with pytest.raises(ConfigError, match="which takes numpy arrays"):
        ParallelSynthesizer(torch.acoustic_model, onnx.vocoder)
    with pytest.raises(SynthesisError, match="cannot be pickled"):
        pickle.dumps(Synthesizer(acoustic_model=onnx.acoustic_model))
    copy = pickle.loads(pickle.dumps(Synthesizer(acoustic_model=torch.acoustic_model)))
    assert copy.speakers == torch.speakers and same(copy.synthesize("Kofi"), torch.synthesize("Kofi"))


@pytest.mark.torch
@pytest.mark.parametrize("is_given", [True, False])
def test_each_device_has_a_copy_and_they_work_at_once(tiny_voice: Path, is_given: bool) -> None:
    from kalakan.synthesis.engines.torch_engine import TorchAcousticStage

    single = Synthesizer(tiny_voice, engine="torch")
    expected = [single.synthesize(text) for text in TEXTS]
    meeting, used = threading.Barrier(2), []

    def run(stage: TorchAcousticStage, batch: AcousticBatch) -> list[Acoustics]:
        used.append(id(stage.model))
        if len(used) <= 2:
            meeting.wait(LONG)  # passes only with the other device's worker
        return whole(stage, batch)

    whole = TorchAcousticStage.run
    devices = ["cpu", "cpu"]
    with (
        pytest.MonkeyPatch.context() as patch,
        ParallelSynthesizer(synthesizer=single, device=devices)
        if is_given
        else ParallelSynthesizer(single.acoustic_model, single.vocoder, devices) as parallel,
    ):
        patch.setattr(TorchAcousticStage, "run", run)
        found = list(parallel.map(TEXTS * 2))
        assert all(map(same, found, expected * 2))
        assert len(set(used)) == 2 and (id(single.acoustic_model) in used) is not is_given
        streams = [parallel.stream(" ".join(TEXTS)) for _ in range(2)]
        for pieces in zip(*streams, single.stream(" ".join(TEXTS)), strict=True):
            assert same(pieces[0], pieces[2]) and same(pieces[1], pieces[2])


@pytest.mark.torch
def test_a_model_that_is_replaced_is_copied_again(tiny_voice: Path) -> None:
    synthesizer = Synthesizer(tiny_voice, engine="torch")
    other = deepcopy(synthesizer.acoustic_model)
    for parameter in other.parameters():
        parameter.mul_(1.1)
    with ParallelSynthesizer(synthesizer=synthesizer, device=["cpu", "cpu"]) as parallel:
        before = list(parallel.map(TEXTS))
        synthesizer.acoustic_model = other
        expected = [synthesizer.synthesize(text) for text in TEXTS]
        assert all(map(same, parallel.map(TEXTS), expected))
        assert not any(map(same, before, expected))


def test_devices_are_checked(synthesizer: Synthesizer) -> None:
    with pytest.raises(ConfigError, match="device is an empty list"):
        ParallelSynthesizer(synthesizer=synthesizer, device=[])
    with pytest.raises(ConfigError, match=r"device 'cuda:99'|device is 'cuda:99' and the onnx engine"):
        ParallelSynthesizer(synthesizer=synthesizer, device=["cpu", "cuda:99"])


def test_results_in_order_where_asked_for(tiny_voice: Path) -> None:
    with ParallelSynthesizer(tiny_voice, workers=4, ordered=True) as parallel:
        for n in range(40):
            parallel.synthesize_async(TEXTS[n % 5], n)
        assert [parallel.get_result(LONG)[1] for _ in range(40)] == list(range(40))


def test_a_text_that_fails_costs_no_other(parallel: ParallelSynthesizer, synthesizer: Synthesizer) -> None:
    parallel.synthesize_async(UNSPEAKABLE, "bad")
    with pytest.raises(TextError) as raised:
        parallel.get_result(LONG)
    assert raised.value.request_id == "bad"  # type: ignore[attr-defined]
    with pytest.raises(SynthesisError, match="speed is 9"):
        parallel.submit("Akwaaba", speed=9)
    found = list(parallel.map([TEXTS[0], UNSPEAKABLE, TEXTS[3]], errors="return"))
    assert isinstance(found[1], TextError)
    assert same(found[0], synthesizer.synthesize(TEXTS[0])) and same(
        found[2], synthesizer.synthesize(TEXTS[3])
    )
    rest = parallel.map([TEXTS[0], UNSPEAKABLE, TEXTS[3]])
    assert same(next(rest), found[0])
    with pytest.raises(TextError):
        next(rest)


def test_map_reads_no_further_than_there_is_room(tiny_voice: Path) -> None:
    read: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            read.append(len(read))
            yield TEXTS[len(read) % 5]

    with ParallelSynthesizer(tiny_voice, workers=2, capacity=4) as parallel:
        source = parallel.map(endless())
        expected = Synthesizer(tiny_voice)
        for n in range(12):
            assert same(next(source), expected.synthesize(TEXTS[(n + 1) % 5]))
        assert len(read) <= 12 + 5
        source.close()  # type: ignore[attr-defined]
    assert parallel.metrics()["open"] == 0


def test_a_stream_has_the_pieces_of_the_synthesizers(
    parallel: ParallelSynthesizer, synthesizer: Synthesizer
) -> None:
    text = " ".join(TEXTS)
    for options in ({}, {"chunk_ms": 50.0}, {"by_sentence": True}):
        expected = list(synthesizer.stream(text, **options))
        found = list(parallel.stream(text, **options))
        assert len(found) == len(expected) and all(map(same, found, expected))
    with pytest.raises(TextError):
        list(parallel.stream(UNSPEAKABLE))
    with pytest.raises(SynthesisError, match="chunk_ms"):
        parallel.stream(text, chunk_ms=0)


def test_a_stream_left_early_is_closed(parallel: ParallelSynthesizer) -> None:
    pieces = parallel.stream(" ".join(TEXTS * 3), by_sentence=True)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert next(pieces, None) is None


def test_a_stream_collected_by_its_own_worker_holds_nothing_up(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, is_closed = threading.Event(), threading.Event()

    def pieces(*_: Any, **__: Any) -> Iterator[np.ndarray]:
        try:
            yield np.zeros(1, dtype=np.float32)
            assert goes_on.wait(20)
            gc.collect()  # finds the stream that this piece is for
            yield np.ones(1, dtype=np.float32)
        finally:
            is_closed.set()

    synthesizer = Synthesizer(tiny_voice)
    monkeypatch.setattr(synthesizer, "stream", pieces)
    with ParallelSynthesizer(synthesizer=synthesizer, workers=1) as parallel:
        gc.collect()
        gc.disable()
        try:
            left: list[Any] = [parallel.stream("Akwaaba")]
            next(left[0])
            left.append(left)
            del left
            goes_on.set()
            assert parallel.submit("Maakye").result(20).size
            assert is_closed.wait(20)
        finally:
            gc.enable()


def test_a_stream_goes_before_what_waits(
    held: tuple[ParallelSynthesizer, Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    parallel, reader = held
    done: list[str] = []  # as the worker does it: the listener may be late to look
    waiting = parallel.submit(TEXTS[1])
    waiting.add_done_callback(lambda _: done.append("request"))
    asked = threading.Event()
    send = parallel._send

    def sent(job: Any, *, reply: Callable[..., None], **how: Any) -> Any:
        def settled(*outcome: Any) -> None:
            done.append("piece")
            reply(*outcome)

        ticket = send(job, reply=settled, **how)
        asked.set()
        return ticket

    monkeypatch.setattr(parallel, "_send", sent)
    pieces: list[Any] = []
    listener = threading.Thread(target=lambda: pieces.extend(parallel.stream("Akwaaba")))
    listener.start()
    assert asked.wait(LONG)
    reader.let_go.set()
    listener.join(LONG)
    waiting.result(LONG)
    assert pieces and done[0] == "piece"


def test_asyncio_requests_and_streams(parallel: ParallelSynthesizer, synthesizer: Synthesizer) -> None:
    text = " ".join(TEXTS)

    async def listen() -> list[Any]:
        return [piece async for piece in parallel.astream(text)]

    async def all_at_once() -> tuple[list[Any], list[Any]]:
        audios = asyncio.gather(*(parallel.asynthesize(text) for text in TEXTS))
        streams = asyncio.gather(*(listen() for _ in range(3)))
        return await audios, await streams

    audios, streams = asyncio.run(all_at_once())
    assert all(same(audio, synthesizer.synthesize(text)) for audio, text in zip(audios, TEXTS, strict=True))
    expected = list(synthesizer.stream(text))
    for pieces in streams:
        assert len(pieces) == len(expected) and all(map(same, pieces, expected))


def test_asyncio_errors_room_and_leaving_early(held: tuple[ParallelSynthesizer, Held]) -> None:
    parallel, reader = held

    async def use() -> None:
        requests = [asyncio.ensure_future(parallel.asynthesize(text)) for text in TEXTS]
        await asyncio.sleep(0.05)
        requests[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await requests[0]
        reader.let_go.set()
        assert all(len(audio) > 0 for audio in await asyncio.gather(*requests[1:]))
        with pytest.raises(TextError):
            async for _ in parallel.astream(UNSPEAKABLE):
                raise AssertionError("nothing can be spoken")
        async with aclosing(parallel.astream(" ".join(TEXTS), by_sentence=True)) as pieces:
            async for piece in pieces:
                assert len(piece) > 0
                break

    asyncio.run(use())
    parallel.close()
    metrics = parallel.metrics()
    assert (metrics["open"], metrics["cancelled"], metrics["failed"]) == (0, 1, 1)


def test_requests_are_cancelled_or_expire_while_they_wait(held: tuple[ParallelSynthesizer, Held]) -> None:
    parallel, reader = held
    cancelled = parallel.submit(TEXTS[0])
    late = parallel.submit(TEXTS[0], deadline=0)
    with pytest.raises(PipelineFull):
        parallel.submit(TEXTS[0], timeout=0)
    urgent = parallel.submit(TEXTS[0], priority="high", timeout=0)
    assert not cancelled.done() and cancelled.cancel() and cancelled.cancelled() and cancelled.cancel()
    with pytest.raises(CancelledError):
        cancelled.result(0)
    reader.let_go.set()
    with pytest.raises(DeadlineExceeded):
        late.result(LONG)
    assert len(urgent.result(LONG)) > 0 and not urgent.cancel()
    finished, _ = wait([cancelled, late, urgent], LONG)  # they are futures like any other
    assert len(finished) == 3 and isinstance(urgent, Future)


def test_close_finishes_or_drops_what_is_in(tiny_voice: Path) -> None:
    parallel = ParallelSynthesizer(tiny_voice, workers=1)
    requests = [parallel.submit(text) for text in TEXTS]
    parallel.close()
    assert all(len(request.result(0)) > 0 for request in requests)
    with pytest.raises(PipelineClosed):
        parallel.submit(TEXTS[0])
    parallel.close()

    parallel = ParallelSynthesizer(tiny_voice, workers=1)
    requests = [parallel.submit(" ".join(TEXTS * 20)) for _ in range(3)]
    parallel.close(wait=False)
    assert all(isinstance(request.exception(0), PipelineClosed) for request in requests)
    unused = ParallelSynthesizer(tiny_voice)
    unused.close()
    with pytest.raises(PipelineClosed):
        unused.submit(TEXTS[0])
    with pytest.raises(ValueError, match="left"), ParallelSynthesizer(tiny_voice, workers=1) as parallel:
        request = parallel.submit(" ".join(TEXTS * 20))
        raise ValueError("left")
    assert isinstance(request.exception(0), PipelineClosed)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda made: ParallelSynthesizer(workers=0), "workers is 0"),
        (lambda made: ParallelSynthesizer(workers=True), "workers is True"),
        (lambda made: ParallelSynthesizer(capacity=2000), "capacity is 2000"),
        (lambda made: ParallelSynthesizer("voice", synthesizer=made), "one or the other"),
        (
            lambda made: ParallelSynthesizer(synthesizer=made).submit("x", priority="urgent"),
            "priority is 'urgent'",
        ),
        (
            lambda made: ParallelSynthesizer(synthesizer=made).map([], priority="urgent"),
            "priority is 'urgent'",
        ),
        (lambda made: ParallelSynthesizer(synthesizer=made).map([], errors="drop"), "errors is 'drop'"),
    ],
)
def test_arguments_are_checked(make: Callable[[Any], object], said: str, synthesizer: Synthesizer) -> None:
    with pytest.raises(ConfigError, match=said):
        make(synthesizer)


def test_batches_of_several_jobs_fall_apart_where_they_fail(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer = Synthesizer(tiny_voice)
    acoustic = synthesizer.stages.acoustic
    sizes: list[int] = []

    def predict(batch: AcousticBatch) -> list[Acoustics]:
        sizes.append(len(batch.ids))
        if len(batch.ids) > 2:
            raise MemoryError("too many at once")
        if bad in batch.lengths:
            raise ValueError("this one never")
        return [Acoustics(int(n), mel=n, hidden=None, f0=None, durations=None) for n in batch.lengths]

    monkeypatch.setattr(acoustic, "predict", predict)
    work = Work(DeviceCopies(synthesizer), batch_size=8)
    jobs = [
        Job(text, SpeakOptions(speed=speed))
        for text, speed in (("da. ba.", 1.0), ("pa pa pa", 1.0), ("ka", 1.2))
    ]
    assert work.read(jobs) == jobs
    lengths = [[len(phrase.ids) for phrase in job.phrases] for job in jobs]
    bad = lengths[1][0]
    found = work.predict(jobs)
    assert found[0] is jobs[0] and found[2] is jobs[2] and isinstance(found[1], ValueError)
    assert max(sizes) == 3 and min(sizes) == 1
    for job, expected in ((jobs[0], lengths[0]), (jobs[2], lengths[2])):
        assert [acoustics.frames for _, acoustics, _ in job.predicted] == expected
        assert [len(phrase.ids) for phrase, _, _ in job.predicted] == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_workers_of_its_own(tiny_voice: Path) -> None:
    code = f"""
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np
from kalakan import ParallelSynthesizer
parallel = ParallelSynthesizer({str(tiny_voice)!r}, workers=2)
mine = parallel.submit("Akwaaba")
expected = parallel.synthesizer.synthesize("Akwaaba")
assert np.array_equal(mine.result(60), expected)
later = [parallel.submit("Akwaaba") for _ in range(10)]
if os.fork() == 0:
    assert np.array_equal(parallel.submit("Akwaaba").result(60), expected)
    parallel.synthesize_async("Akwaaba", 1)
    assert parallel.get_result(60)[1] == 1
    parallel.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert all(np.array_equal(request.result(60), expected) for request in later)
print("both")
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=False, capture_output=True, text=True, timeout=200
    )
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr


def test_a_fork_waits_for_work_in_progress() -> None:
    forks, order = Forks(), []
    inside, let_go, is_forked, may_end = (threading.Event() for _ in range(4))

    def work() -> None:
        with forks.none_meanwhile(), forks.none_meanwhile():
            inside.set()
            assert let_go.wait(LONG)
            with forks.none_meanwhile():  # goes on, though a fork waits
                order.append("work")

    def fork() -> None:
        forks.before()
        order.append("fork")
        is_forked.set()
        assert may_end.wait(LONG)
        forks.after_in_parent()

    def work_later() -> None:
        with forks.none_meanwhile():
            order.append("later")

    threads = [threading.Thread(target=target) for target in (work, fork, work_later)]
    threads[0].start()
    assert inside.wait(LONG)
    threads[1].start()
    while not forks._is_forking:
        threading.Event().wait(0.001)
    threads[2].start()
    let_go.set()
    assert is_forked.wait(LONG)
    may_end.set()
    for thread in threads:
        thread.join(LONG)
    assert order == ["work", "fork", "later"]


def test_a_worker_may_fork_and_a_child_begins_anew() -> None:
    forks = Forks()
    with forks.none_meanwhile():
        forks.before()  # does not wait for itself
        forks.after_in_child()
    forks.before()
    forks.after_in_parent()
    with forks.none_meanwhile():
        pass


def test_nothing_starts_before_the_first_request(tiny_voice: Path) -> None:
    code = f"""
import sys, threading
from kalakan import ParallelSynthesizer
parallel = ParallelSynthesizer({str(tiny_voice)!r})
assert parallel._pipeline is None and "torch" not in sys.modules and "asyncio" not in sys.modules
print(len(parallel.submit("Akwaaba").result()) > 0)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=False, capture_output=True, text=True, timeout=200
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_the_thread_budget_is_what_was_set_or_what_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not loaded
    monkeypatch.setattr("kalakan.synthesis.threads.usable_cores", lambda: 6)
    monkeypatch.delenv("KALAKAN_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert thread_budget() == 6
    monkeypatch.setenv("OMP_NUM_THREADS", "4,1")
    assert thread_budget() == 4
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert thread_budget() == 6
    monkeypatch.setenv("KALAKAN_NUM_THREADS", "9")
    assert thread_budget() == 9
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("KALAKAN_NUM_THREADS", wrong)
        with pytest.raises(ConfigError, match=f"KALAKAN_NUM_THREADS is '{wrong}'"):
            thread_budget()


@pytest.mark.torch
def test_the_thread_budget_is_torchs_where_that_is_less(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr("kalakan.synthesis.threads.usable_cores", lambda: 6)
    monkeypatch.delenv("KALAKAN_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert thread_budget() == 3


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_containers_quota_is_read(files: dict[str, str], cores: float, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_cores(tmp_path) == cores
