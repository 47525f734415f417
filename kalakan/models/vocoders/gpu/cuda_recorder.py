"""Captures work as CUDA graphs that share one memory pool."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import torch
from torch import Tensor

from kalakan.errors import KernelError
from kalakan.models.vocoders.gpu.parallel_branches import Branches, run_by

_ONE_AT_A_TIME = threading.Lock()
"""Global to the process: concurrent captures interfere with each other's allocations."""
_STREAMS: dict[tuple[torch.device, int, int], list[torch.cuda.Stream]] = {}
"""Side streams of a stream, by its id and the depth of the fork; at `_CAPTURE` the capturing one.

Only a few for the whole process: torch has a pool of 32 streams and then reuses them.
"""
_CAPTURE = (-1, -1)
_END_ALLOCATIONS = ("_cuda_endAllocateToPool", "_cuda_endAllocateCurrentStreamToPool")
"""torch's function, under its current and its older name."""


class CudaRecorder:
    """Records on one device; see `kalakan.models.vocoders.gpu.graph_cache.Recorder`.

    The graphs share memory, so only one may run at a time: `begin` and `end` ensure that.
    """

    def __init__(self, device: torch.device) -> None:
        with torch.cuda.device(device):
            self._device = torch.device("cuda", torch.cuda.current_device())
            self._pool = torch.cuda.graph_pool_handle()
        self._done: torch.cuda.Event | None = None

    def record(self, branches: Branches) -> tuple[Callable[[], None], list[Tensor]]:
        """See `Recorder`. The work runs once before the capture, to finish autotuning, loading and packing.

        Raises `KernelError` if it cannot be captured.
        """
        with _ONE_AT_A_TIME, torch.cuda.device(self._device):
            self._warm_up(branches)
            graph = torch.cuda.CUDAGraph()
            try:
                with _workspaces_of_its_own():
                    results = self._capture(graph, branches)
            except BaseException as error:
                self._give_up()
                if not isinstance(error, RuntimeError):
                    raise
                raise KernelError(
                    f"the vocoder was not captured as a CUDA graph: {error}; set inference.cuda_graphs to false, or "
                    "use kalakan.models.vocoders.gpu.graph_cache.cuda_graphs(False)"
                ) from error
        return graph.replay, results

    def begin(self) -> None:
        """See `Recorder`."""
        if self._done is not None:
            torch.cuda.current_stream(self._device).wait_event(self._done)

    def end(self) -> None:
        """See `Recorder`."""
        self._done = torch.cuda.current_stream(self._device).record_event()

    def _give_up(self) -> None:
        """Cleans up after a failed capture. Otherwise the allocator would treat all memory freed from then on as the
        capture's, and would not reuse memory that two streams used."""
        end = next(found for name in _END_ALLOCATIONS if (found := getattr(torch._C, name, None)) is not None)
        with suppress(RuntimeError):  # torch did this itself; then the graph also returns the pool
            end(self._device.index, self._pool)
            torch._C._cuda_releasePool(self._device.index, self._pool)
        self._pool = torch.cuda.graph_pool_handle()  # other graphs may still hold the old one

    def _warm_up(self, branches: Branches) -> None:
        (stream,) = self._streams(*_CAPTURE, 1)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            self._fork(branches)

    def _capture(self, graph: torch.cuda.CUDAGraph, branches: Branches) -> list[Tensor]:
        with torch.cuda.stream(self._streams(*_CAPTURE, 1)[0]):
            # For this thread only: other threads may keep working on other streams.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                results = self._fork(branches)
            except BaseException:
                with suppress(RuntimeError):  # it would only report that an exception was raised
                    graph.capture_end()
                raise
            graph.capture_end()
        return results

    def _fork(self, branches: Branches, depth: int = 0) -> list[Tensor]:
        """The branches' results; the first runs on the current stream, each other on a side stream.

        Side streams wait for all earlier work, and all later work waits for them, so that memory freed by one stream
        is not overwritten while another reads it.
        """
        own = torch.cuda.current_stream(self._device)
        sides = self._streams(own.stream_id, depth, len(branches) - 1)
        for side in sides:
            side.wait_stream(own)
        results = []
        with run_by(partial(self._fork, depth=depth + 1)):
            for stream, branch in zip((own, *sides), branches, strict=True):
                with torch.cuda.stream(stream):
                    results.append(branch())
        for side in sides:
            own.wait_stream(side)
        return results

    def _streams(self, beside: int, depth: int, count: int) -> list[torch.cuda.Stream]:
        streams = _STREAMS.setdefault((self._device, beside, depth), [])
        while len(streams) < count:
            streams.append(torch.cuda.Stream(self._device))  # type: ignore[no-untyped-call]
        return streams[:count]


@contextmanager
def _workspaces_of_its_own() -> Iterator[None]:
    """Within the block, cuBLAS takes its workspaces from the graph's own pool, and none of them remains afterwards.

    torch keeps one workspace per stream, and all graphs are captured on one stream: graphs of two models would share
    it, and some versions of torch free it with the first graph.
    """
    torch._C._cuda_clearCublasWorkspaces()
    try:
        yield
    finally:
        torch._C._cuda_clearCublasWorkspaces()
