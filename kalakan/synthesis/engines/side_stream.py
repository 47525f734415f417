"""A second CUDA stream, for the vocoder, while the acoustic model runs on the next batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STREAMS: dict[torch.device, Any] = {}
"""One per device for the whole process: torch's pool has 32, and then returns streams that are in use."""


class SideStream:
    """Work queued on one CUDA device and run in order."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device not in _STREAMS:
            _STREAMS[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stream = _STREAMS[device]

    @contextmanager
    def after(self, given: Sequence[Tensor]) -> Iterator[None]:
        """Queues the work of the block after the work on the current stream that computes `given`, whose memory is
        not reused before the block's work is done."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        for tensor in given:
            tensor.record_stream(self._stream)
        with torch.cuda.stream(self._stream):
            yield

    def to_host(self, results: Sequence[Tensor]) -> Callable[[], list[NDArray[np.float32]]]:
        """Queues copies of results computed in the block; returns a function that waits for these copies only."""
        with torch.cuda.stream(self._stream):
            copies = [result.float().to("cpu", non_blocking=True) for result in results]  # into pinned memory
            done = self._stream.record_event()

        def arrays() -> list[NDArray[np.float32]]:
            done.synchronize()
            return [copy.numpy().copy() for copy in copies]  # pinned memory is scarce: release it at once

        return arrays
