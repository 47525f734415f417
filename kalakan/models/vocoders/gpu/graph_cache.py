"""CUDA graphs of a generator, one per bucket of lengths: at batch size 1, launching kernels costs more than running
them."""

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
"""Maximum number of graphs; the least recently used one is evicted first."""
LONGEST = 2048
"""Frames of the longest bucket; longer inputs take longer to run than to launch."""
_WANTED: ContextVar[bool] = ContextVar("kalakan_cuda_graphs", default=True)


class Recorder(Protocol):
    """Captures work on a device; `kalakan.models.vocoders.gpu.cuda_recorder` implements it for CUDA."""

    def record(self, branches: Branches) -> tuple[Callable[[], None], list[Tensor]]:
        """A function that replays the branches, and the output of each."""
        ...

    def begin(self) -> None:
        """Call before writing the inputs of a graph: waits, on the device, for `end` of the previous call."""
        ...

    def end(self) -> None:
        """Call after the last result was read."""
        ...


@dataclass(frozen=True)
class Recording:
    """A generator captured at one length."""

    mel: Tensor
    """Input buffer [1, M, W]; its contents past the mel's end do not affect the output."""
    end: Tensor | None
    """Input buffer of the last frames, for `end_window`; None for a length that needs no padding."""
    replay: Callable[[], None]
    results: list[Tensor]
    """Output waveform [1, W * hop_length], and that of `end`."""

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
    """The captured graphs of one generator; thread-safe, calls are serialized."""

    def __init__(self, generate: Generate, context: int, recorder: Recorder, most: int = MOST) -> None:
        """`context` is the generator's `context_frames`."""
        self._generate = generate
        self._context = context
        self._recorder = recorder
        self._most = most
        self._kept: OrderedDict[tuple[int | str | None, ...], Recording] = OrderedDict()
        self._lock = threading.Lock()

    def waveform(self, mel: Tensor) -> Tensor:
        """Waveform [1, T * hop_length] of a log-mel [1, M, T]; captures a missing graph. Raises `KernelError`."""
        with self._lock:
            recording = self._recording(mel)
            self._recorder.begin()
            audio = recording.waveform(mel)
            self._recorder.end()
            return audio

    def __len__(self) -> int:
        """Number of graphs."""
        return len(self._kept)

    def _recording(self, mel: Tensor) -> Recording:
        shortest = 2 * self._context
        has_end = mel.size(2) >= shortest
        width = bucket(mel.size(2)) if has_end else mel.size(2)
        key = (
            width,
            requested("upsample"),
            requested("residual_blocks"),
        )  # a replay runs the captured implementations
        if key not in self._kept:
            self._kept[key] = self._record(mel, width, has_end)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]

    @torch.inference_mode(False)  # inference tensors could not be written to outside that mode
    @torch.no_grad()
    def _record(self, mel: Tensor, width: int, has_end: bool) -> Recording:
        whole = mel.new_zeros(1, mel.size(1), width)
        end = mel.new_zeros(1, mel.size(1), 2 * self._context) if has_end else None
        branches = [partial(self._generate, given) for given in ([whole] if end is None else [whole, end])]
        replay, results = self._recorder.record(branches)
        return Recording(whole, end, replay, results)


def bucket(frames: int) -> int:
    """Frames of a length's bucket: at most an eighth longer, eight buckets per doubling."""
    step = 1 << max(0, (frames - 1).bit_length() - 4)
    return -(-frames // step) * step


@contextmanager
def cuda_graphs(wanted: bool) -> Iterator[None]:
    """Enables or disables CUDA graphs within the block, for this thread or task. They are enabled by default."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


def are_wanted() -> bool:
    """Whether CUDA graphs are enabled here; see `cuda_graphs`."""
    return _WANTED.get()
