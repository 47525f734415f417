"""A generator recorded once for each bucket of lengths and replayed: at batch 1 launching costs more than computing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from kalakan.models.vocoders.gpu.parallel_branches import Branches
from kalakan.models.vocoders.gpu.ragged_batch import Generate, end_window, with_end
from kalakan.ops.dispatch import requested

MOST = 32
"""Recordings kept; the one that was not used for longest goes first."""
LONGEST = 2048
"""Frames of the longest bucket: more keep a GPU busy for longer than it takes to launch them."""
_WANTED: ContextVar[bool] = ContextVar("kalakan_cuda_graphs", default=True)


class Recorder(Protocol):
    """What records work on a device; `kalakan.models.vocoders.gpu.cuda_recorder` has the one for CUDA."""

    def record(self, branches: Branches) -> tuple[Callable[[], None], list[Tensor]]:
        """How to run the branches again, and where each leaves its result."""
        ...

    def begin(self) -> None:
        """Before the inputs of a recording are written: waits, on the device, for `end` of the call before."""
        ...

    def end(self) -> None:
        """After the last result was read."""
        ...


@dataclass(frozen=True)
class Recording:
    """A generator at one length."""

    mel: Tensor
    """Where its input [1, M, W] goes; what is in it behind the mel's end is never heard."""
    end: Tensor | None
    """Where the last frames go, for `end_window`; None for a length that is taken as it is."""
    replay: Callable[[], None]
    results: list[Tensor]
    """Waveform [1, W * hop_length], and that of `end`."""

    def waveform(self, mel: Tensor) -> Tensor:
        """Waveform [1, T * hop_length] of a log-mel [1, M, T]."""
        frames, (start, *end) = mel.size(2), self.results
        self.mel[:, :, :frames].copy_(mel)
        if self.end is None:
            self.replay()
            return start.clone()
        self.end.copy_(end_window(mel, self.end.size(2) // 2))
        self.replay()
        samples = frames * (start.size(1) // self.mel.size(2))
        return with_end(start[0], end[0][0], samples)[None]


class Recordings:
    """The recordings of one generator; many threads may use them, one after the other."""

    def __init__(self, generate: Generate, context: int, recorder: Recorder, most: int = MOST) -> None:
        """`context` is the generator's `context_frames`."""
        self._generate = generate
        self._context = context
        self._recorder = recorder
        self._most = most
        self._kept: OrderedDict[tuple[int | str | None, ...], Recording] = OrderedDict()
        self._lock = threading.Lock()

    def waveform(self, mel: Tensor) -> Tensor:
        """Waveform [1, T * hop_length] of a log-mel [1, M, T]; records what is missing. Raises `KernelError`."""
        with self._lock:
            recording = self._recording(mel)
            self._recorder.begin()
            audio = recording.waveform(mel)
            self._recorder.end()
            return audio

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def _recording(self, mel: Tensor) -> Recording:
        shortest = 2 * self._context
        has_end = mel.size(2) >= shortest
        width = bucket(mel.size(2)) if has_end else mel.size(2)
        key = (width, requested("upsample"), requested("residual_blocks"))  # a replay runs what was recorded
        if key not in self._kept:
            self._kept[key] = self._record(mel, width, has_end)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]

    @torch.inference_mode(False)  # what is made in that mode could not be written to outside it
    @torch.no_grad()
    def _record(self, mel: Tensor, width: int, has_end: bool) -> Recording:
        whole = mel.new_zeros(1, mel.size(1), width)
        end = mel.new_zeros(1, mel.size(1), 2 * self._context) if has_end else None
        branches = [partial(self._generate, given) for given in ([whole] if end is None else [whole, end])]
        replay, results = self._recorder.record(branches)
        return Recording(whole, end, replay, results)


def bucket(frames: int) -> int:
    """Frames of the bucket that a length falls in: at most an eighth longer, eight buckets to each doubling."""
    step = 1 << max(0, (frames - 1).bit_length() - 4)
    return -(-frames // step) * step


@contextmanager
def cuda_graphs(wanted: bool) -> Iterator[None]:
    """Lets generators use CUDA graphs, or not, within the block and this thread or task. They do by default."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


def are_wanted() -> bool:
    """What `cuda_graphs` says here."""
    return _WANTED.get()
