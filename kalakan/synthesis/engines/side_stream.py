"""A stream of a GPU beside the one that calls: the vocoder's, while the acoustic model reads the next batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STREAMS: dict[torch.device, Any] = {}
"""One a device for the whole process: torch has 32 in all, and then gives out again what others work on."""


class SideStream:
    """Work queued on one CUDA device; whatever is queued goes in order."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device not in _STREAMS:
            _STREAMS[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stream = _STREAMS[device]

    @contextmanager
    def after(self, given: Sequence[Tensor]) -> Iterator[None]:
        """Queues what is done in the block behind what made `given` on the current stream, whose memory is not used
        again before that is done."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        for tensor in given:
            tensor.record_stream(self._stream)
        with torch.cuda.stream(self._stream):
            yield

    def to_host(self, results: Sequence[Tensor]) -> Callable[[], list[NDArray[np.float32]]]:
        """Queues copies of results made inside the block; the call that waits for them, and only for them."""
        with torch.cuda.stream(self._stream):
            copies = [result.float().to("cpu", non_blocking=True) for result in results]  # into pinned memory
            done = self._stream.record_event()

        def arrays() -> list[NDArray[np.float32]]:
            done.synchronize()
            return [copy.numpy().copy() for copy in copies]  # pinned memory is scarce: it goes back at once

        return arrays
