"""`ParallelSynthesizer`: synthesizes many texts at once through one text, one acoustic and one vocoder stage."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kalakan._rust import Pipeline, PipelineStage, PipelineTicket
from kalakan.errors import ConfigError, PipelineClosed
from kalakan.synthesis.devices import DeviceCopies
from kalakan.synthesis.futures import PRIORITIES, Priority, Request, awaited, level_of
from kalakan.synthesis.options import Changes, SpeakOptions, is_whole
from kalakan.synthesis.pulls import items_of, pieces_of
from kalakan.synthesis.synthesizer import Audio, Options, Synthesizer
from kalakan.synthesis.threads import thread_budget
from kalakan.synthesis.work import PREDICT, READ, VOCODE, Job, Pull, Work

if TYPE_CHECKING:
    from typing_extensions import Unpack

GATHERING_S = 0.002
"""How long a GPU worker waits for a batch to fill up: a small part of the time that a batch takes."""
Item = TypeVar("Item")


class ParallelSynthesizer:
    """Synthesizes many texts at once. `ParallelSynthesizer()` uses the voice that comes with the package.

    Requests go through a text, an acoustic and a vocoder stage, phrase by phrase, so that a long text does not block
    others. On a CPU the workers, as many as `kalakan.synthesis.threads.thread_budget` allows, serve whichever stage has
    work; on a GPU, phrases of several requests share a batch. The samples equal those of `synthesize`, bit for bit on a
    CPU. Workers start with the first request. A forked child starts its own; requests stay in the parent. With several
    devices, each has a copy of the models, and a phrase goes to the least busy one.
    """

    def __init__(
        self,
        acoustic_model: Any = None,
        vocoder: Any = None,
        device: str | Sequence[str] | None = None,
        *,
        synthesizer: Synthesizer | None = None,
        workers: int | None = None,
        capacity: int = 64,
        ordered: bool = False,
    ) -> None:
        """Prepares the stages; the three positional arguments are as for `Synthesizer`.

        Args:
            acoustic_model: A `.pt` file, an `.onnx` file, a voice folder, or the `acoustic_model` of a synthesizer.
            vocoder: The same for the vocoder.
            device: Torch device, by default "cpu", or a list of them, all GPUs or all CPUs; the onnx engine has only
                "cpu".
            synthesizer: An existing synthesizer to use instead of the models; it stays usable. With a `device`, its
                models are copied there; otherwise they are used on their current device.
            workers: Number of threads; by default the thread budget divided by the threads of a model call.
            capacity: Maximum number of requests of one priority in one stage; further requests wait.
            ordered: Whether `get_result` returns results in the order of `synthesize_async`, instead of as they finish.

        Raises `ConfigError` for a value out of range, and as `Synthesizer`.
        """
        for name, value in (("workers", workers), ("capacity", capacity)):
            if value is not None and (not is_whole(value) or not 1 <= value <= 1024):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number from 1 to 1024")
        devices = _devices(device)
        places: list[str | None] = list(devices)
        if synthesizer is None:
            first = devices[0] if devices else "cpu"
            synthesizer = Synthesizer(acoustic_model=acoustic_model, vocoder=vocoder, device=first)
            places[:1] = [None]
        elif acoustic_model is not None or vocoder is not None:
            raise ConfigError("a synthesizer was given, and models too; give one or the other")
        self.synthesizer = synthesizer
        """The synthesizer whose models, speakers and reader are used."""
        self._copies = DeviceCopies(synthesizer, places or [None])
        self._workers = workers
        self._capacity = int(capacity)
        self._ordered = ordered
        self._is_closed = False
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None
        self._process = os.getpid()

    def submit(
        self,
        text: str,
        options: Options = None,
        *,
        priority: Priority = "normal",
        deadline: float | None = None,
        timeout: float | None = None,
        **changes: Unpack[Changes],
    ) -> Request:
        """A future of the audio [S] of `synthesize`; other arguments and errors as there.

        Work of a lower priority does not start while work of a higher one waits. A request that has not started after
        `deadline` seconds fails with `DeadlineExceeded`. If the pipeline is full, waits `timeout` seconds and then
        raises `PipelineFull`. Raises `PipelineClosed` after `close`.
        """
        request = Request()
        job = Job(text, self._options(options, changes))
        level = level_of(priority)
        request.ticket = self._send(
            job, reply=request.settle, priority=level, deadline=deadline, timeout=timeout
        )
        return request

    def synthesize_async(
        self, text: str, request_id: Any, options: Options = None, **changes: Unpack[Changes]
    ) -> None:
        """Submits a text; `get_result` returns its audio with `request_id`. Waits while the pipeline is full."""
        self._send(Job(text, self._options(options, changes)), key=request_id)

    def get_result(self, timeout: float | None = None) -> tuple[Audio, Any]:
        """Audio [S] and id of the next finished text of `synthesize_async`; (None, None) after `timeout` seconds.

        Raises the exception of the text's synthesis, with the id as its attribute `request_id`.
        """
        found = self._running(is_for_results=True).result(timeout)
        if found is None:
            return None, None
        request_id, audio, error = found
        if error is not None:
            error.request_id = request_id  # type: ignore[attr-defined]
            raise error
        return audio, request_id

    def map(
        self,
        texts: Iterable[str],
        options: Options = None,
        *,
        errors: Literal["raise", "return"] = "raise",
        priority: Priority = "low",
        **changes: Unpack[Changes],
    ) -> Iterator[Any]:
        """Audio [S_i] of each text, in their order; `texts` may be infinite; it is read only as far as the pipeline has
        room.

        With `errors="return"` an exception takes the place of its text's audio.
        """
        if errors not in ("raise", "return"):
            raise ConfigError(f"errors is {errors!r}; it must be 'raise' or 'return'")
        given = self._options(options, changes)
        level_of(priority)
        return self._mapped(texts, given, errors == "return", priority)

    def stream(
        self,
        text: str,
        options: Options = None,
        *,
        chunk_ms: float | None = None,
        by_sentence: bool = False,
        **changes: Unpack[Changes],
    ) -> Iterator[Audio]:
        """The chunks [S_i] of `Synthesizer.stream`, computed by the workers before any other pending work, one chunk
        ahead of the consumer. Arguments and errors as for `Synthesizer.stream`."""
        place = self._copies.least_busy()
        source = self._copies.at(place).stream(
            text, options, chunk_ms=chunk_ms, by_sentence=by_sentence, **changes
        )
        return pieces_of(self._send, source, place)

    async def asynthesize(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> Audio:
        """The audio [S] of `synthesize`, computed by the workers without blocking the event loop; may be cancelled."""
        return await awaited(lambda: self.submit(text, options, timeout=0, **changes))

    async def astream(
        self,
        text: str,
        options: Options = None,
        *,
        chunk_ms: float | None = None,
        by_sentence: bool = False,
        **changes: Unpack[Changes],
    ) -> AsyncGenerator[Audio, None]:
        """The chunks [S_i] of `stream`, without blocking the event loop; arguments as there."""
        place = self._copies.least_busy()
        source = self._copies.at(place).stream(
            text, options, chunk_ms=chunk_ms, by_sentence=by_sentence, **changes
        )
        async with aclosing(items_of(self._send, source, place, lambda: PRIORITIES["high"])) as pieces:
            async for audio in pieces:
                yield audio

    async def aiterate(
        self, source: Iterator[Item], *, priority: Priority | Callable[[], Priority] = "high"
    ) -> AsyncGenerator[Item, None]:
        """The items of an iterator, such as `Stream.chunks`, each computed by a worker on demand.

        Iterators and texts take turns, item by item; a function as `priority` is called for each item. On cancellation
        or when closed (for example by `contextlib.aclosing`), waits for the item in progress and then closes the
        iterator, if it has `close`.
        """
        place = self._copies.least_busy()

        def level() -> int:
            return level_of(priority() if callable(priority) else priority)

        async with aclosing(items_of(self._send, source, place, level)) as items:
            async for item in items:
                yield item

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio in Hz."""
        return self.synthesizer.sample_rate

    def metrics(self) -> dict[str, Any]:
        """Request counts, and the queue depth, waiting times, service times (in seconds) and batch sizes of each
        stage."""
        return self._running(is_for_results=True).metrics()

    def close(self, *, wait: bool = True) -> None:
        """Stops accepting requests and stops the workers after all pending requests. Without `wait`, stops them after
        the phrases in progress; pending requests then fail with `PipelineClosed`."""
        with self._lock:
            self._is_closed = True
            pipeline = self._pipeline if self._process == os.getpid() else None
        if pipeline is None:
            return
        if not wait:
            pipeline.abort()
        pipeline.drain()

    def __enter__(self) -> ParallelSynthesizer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(wait=kind is None)

    def _options(self, options: Options, changes: Changes) -> SpeakOptions:
        return self.synthesizer._options(options, changes)

    def _send(self, job: Job | Pull, **how: Any) -> PipelineTicket:
        return self._running().submit(job, **how)

    def _running(self, *, is_for_results: bool = False) -> Pipeline:
        """The pipeline, which starts with the first request of a process."""
        if self._process != os.getpid():  # forked: the threads and locks of the parent are unusable here
            self._lock, self._pipeline, self._process = threading.Lock(), None, os.getpid()
        with self._lock:
            if self._pipeline is None:
                if self._is_closed and not is_for_results:
                    raise PipelineClosed("the synthesizer takes no more requests: it was closed")
                self._pipeline = self._started()
            return self._pipeline

    def _started(self) -> Pipeline:
        engine, devices = self._copies.at(0).stages.engine, len(self._copies)
        workers = self._workers or max(devices, thread_budget() // self.synthesizer._call_threads)
        batch = min(self.synthesizer._batch_size, self._capacity) if engine.runs_batches else 1
        work = Work(self._copies, batch)
        # One thread per model feeds a GPU; the others read text in the meantime.
        pools = [READ, PREDICT, VOCODE] if engine.runs_batches else [0, 0, 0]

        def stage(
            name: str, function: Callable[[list[Any]], list[Any]], at: int, most: int, wait: float
        ) -> PipelineStage:
            return PipelineStage(
                name, function, capacity=self._capacity, max_batch=most, max_wait=wait, pool=pools[at]
            )

        stages = [
            stage("text", work.read, READ, 1, 0.0),
            stage("acoustic", work.predict, PREDICT, batch, GATHERING_S if batch > 1 else 0.0),
            stage("vocoder", work.vocode, VOCODE, 1, 0.0),
        ]
        return Pipeline(
            stages, [workers, devices, devices] if engine.runs_batches else [workers], ordered=self._ordered
        )

    def _mapped(
        self, texts: Iterable[str], options: SpeakOptions, returns_errors: bool, priority: Priority
    ) -> Iterator[Any]:
        coming: deque[Request] = deque()

        def first() -> Any:
            request = coming.popleft()
            error = request.exception() if returns_errors else None
            return request.result() if error is None else error

        try:
            for text in texts:
                coming.append(self.submit(text, options, priority=priority))
                if len(coming) > self._capacity:
                    yield first()
            while coming:
                yield first()
        finally:
            for request in coming:
                request.cancel()


def _devices(given: str | Sequence[str] | None) -> list[str]:
    devices = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]
    if given is not None and not devices:
        raise ConfigError("device is an empty list; name at least one device, such as 'cpu'")
    return [str(device) for device in devices]
