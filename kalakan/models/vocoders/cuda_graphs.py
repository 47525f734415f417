"""Recording work as CUDA graphs that share one pool of memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor

from kalakan.errors import KernelError

_ONE_AT_A_TIME = threading.Lock()
"""Of the whole process: two captures at once disturb each other's allocations."""


class CudaRecorder:
    """Records on one device; see `kalakan.models.vocoders.recordings.Recorder`.

    The graphs share their memory, so that none may run while another does: `begin` and `end` keep them apart.
    """

    def __init__(self, device: torch.device) -> None:
        with torch.cuda.device(device):
            self._device = torch.device("cuda", torch.cuda.current_device())
            self._pool = torch.cuda.graph_pool_handle()
        self._streams = [torch.cuda.Stream(self._device) for _ in range(2)]  # type: ignore[no-untyped-call]
        self._done: torch.cuda.Event | None = None

    def record(self, branches: Sequence[Callable[[], Tensor]]) -> tuple[Callable[[], None], list[Tensor]]:
        """See `Recorder`; the work runs once before, so that whatever tunes, loads or packs has done so.

        Raises `KernelError` where it cannot be captured.
        """
        with _ONE_AT_A_TIME, torch.cuda.device(self._device):
            self._run(branches)
            graph = torch.cuda.CUDAGraph()
            try:
                results = self._capture(graph, branches)
            except RuntimeError as error:
                self._pool = torch.cuda.graph_pool_handle()  # the broken capture may still hold the old one
                raise KernelError(
                    f"the vocoder was not captured as a CUDA graph: {error}; set inference.cuda_graphs to false, or "
                    "use kalakan.models.vocoders.recordings.cuda_graphs(False)"
                ) from error
        return graph.replay, results

    def begin(self) -> None:
        """See `Recorder`."""
        if self._done is not None:
            torch.cuda.current_stream(self._device).wait_event(self._done)

    def end(self) -> None:
        """See `Recorder`."""
        self._done = torch.cuda.current_stream(self._device).record_event()

    def _capture(self, graph: torch.cuda.CUDAGraph, branches: Sequence[Callable[[], Tensor]]) -> list[Tensor]:
        with torch.cuda.stream(self._streams[0]):
            # Of this thread only: what other threads do on other streams meanwhile is theirs to do.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                results = self._run(branches)
            except BaseException:
                with suppress(RuntimeError):  # it would only say that something was raised
                    graph.capture_end()
                raise
            graph.capture_end()
        return results

    def _run(self, branches: Sequence[Callable[[], Tensor]]) -> list[Tensor]:
        """What the branches return, the first from one stream and the second from another."""
        first, second = self._streams
        first.wait_stream(torch.cuda.current_stream(self._device))
        second.wait_stream(first)
        results = []
        for stream, branch in zip((first, second), branches, strict=False):
            with torch.cuda.stream(stream):
                results.append(branch())
        first.wait_stream(second)
        return results
