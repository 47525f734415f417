"""A second CUDA stream for the vocoder, which runs while the acoustic model processes the next batch, and a third for
copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STREAMS: dict[torch.device, tuple[Any, Any]] = {}
"""Two per device for the whole process: torch's pool has 32 streams and then reuses them."""


class SideStream:
    """Work queued on one CUDA device and run in order."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device not in _STREAMS:
            work, copies = (torch.cuda.Stream(device) for _ in range(2))  # type: ignore[no-untyped-call]
            _STREAMS[device] = work, copies
        self._stream, self._copies = _STREAMS[device]

    @contextmanager
    def after(self, given: Sequence[Tensor]) -> Iterator[None]:
        """Queues the work of the block after the work on the current stream that computes `given`, whose memory is
        not reused before the block's work is done."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        for tensor in given:
            tensor.record_stream(self._stream)
        with torch.cuda.stream(self._stream):
            yield

    def to_host(self, result: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Queues the copy of a result computed in the block, in parallel with later work; returns a
        function that waits for this copy only. Its array is pinned memory, which is scarce: copy from it, and drop it.
        """
        self._copies.wait_stream(self._stream)
        result.record_stream(self._copies)
        with torch.cuda.stream(self._copies):
            copy = result.to("cpu", non_blocking=True)
            done = self._copies.record_event()

        def array() -> NDArray[np.float32]:
            done.synchronize()
            return copy.numpy()

        return array
