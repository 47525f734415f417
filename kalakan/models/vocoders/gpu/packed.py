"""Generators with packed weights: when they are used, cached and rebuilt."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from kalakan.models.vocoders.gpu.channels_last import ChannelsLast, Convolution, Head, at_least_single
from kalakan.models.vocoders.gpu.cuda_recorder import CudaRecorder
from kalakan.models.vocoders.gpu.graph_cache import LONGEST, Recorder, Recordings, are_wanted
from kalakan.models.vocoders.gpu.ragged_batch import generate_rows

DEVICES = ("cuda",)
"""Device types on which packed weights are used."""


class Packable(Protocol):
    """A generator whose stages can be packed: an `nn.Module` of two convolutions and what lies between them."""

    project_in: nn.Conv1d
    """Log-mel [B, M, T] to activations [B, C, T]."""
    stages: nn.ModuleList
    """Each has a method `channels_last(dtype)`; see `kalakan.models.vocoders.gpu.channels_last`."""
    project_out: nn.Conv1d
    """Activations of the last stage to one channel."""
    slope: float
    """Negative slope of the leaky ReLU before `project_out`."""
    context_frames: int
    """See `kalakan.models.interfaces.Vocoder`."""

    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] of a log-mel [B, M, T]."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """See `nn.Module.parameters`."""
        ...


@dataclass
class Packed:
    """A generator of one type."""

    rows: ChannelsLast
    recordings: Recordings


@dataclass
class _Kept:
    """Cached packed weights of one state of a module's weights."""

    state: list[int]
    storages: list[StorageWeakRef]
    """They hold no memory, and prevent a later storage from reusing the identity of one of these."""
    by_dtype: dict[torch.dtype, Packed] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[object, _Kept] = WeakKeyDictionary()
_LOCK = threading.Lock()


def packed(model: Packable, mel: Tensor) -> Packed | None:
    """The generator of a module's weights as they are now, in autocast's type or their own; None where packed weights
    do not apply: off the GPU, where gradients are required, while tracing or compiling, and for a module with hooks
    inside, which would not run.

    It is rebuilt after the weights were moved, cast or modified in place. An in-place change through
    `.data`, which torch does not track, is not detected: call `forget` then.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return None
    weight = model.project_in.weight
    if mel.device.type not in DEVICES or mel.device != weight.device:
        return None
    if torch.is_grad_enabled() and (
        mel.requires_grad or any(each.requires_grad for each in model.parameters())
    ):
        return None
    state = _state(cast(nn.Module, model))
    return None if state is None else _packed(model, state, _dtype(weight))


def forget(model: nn.Module) -> None:
    """Frees a module's packed weights and captured graphs."""
    with _LOCK:
        _KEPT.pop(model, None)


def waveform(found: Packed, mel: Tensor) -> Tensor:
    """Waveform [B, T * hop_length] of a log-mel [B, M, T]."""
    mel = mel.to(found.rows.project_in.weight.dtype)  # a graph captured for one type is replayed for all
    is_short = mel.size(0) == 1 and mel.size(2) <= LONGEST
    if is_short and are_wanted() and not _is_capturing(mel):
        return found.recordings.waveform(mel)
    return found.rows(mel)


def waveforms(model: Packable, mels: Sequence[Tensor]) -> list[Tensor]:
    """Waveform [T_i * hop_length] of each log-mel [1, M, T_i], as `inference` generates it."""
    found = packed(model, mels[0]) if len(mels) > 1 else None
    if found is None:
        return [model.inference(mel)[0] for mel in mels]
    dtype = model.project_in.weight.dtype
    return [audio.to(dtype) for audio in generate_rows(found.rows, mels, model.context_frames)]


def recorder(device: torch.device) -> Recorder:
    """The recorder of a device."""
    return CudaRecorder(device)


def _packed(model: Packable, state: list[int], dtype: torch.dtype) -> Packed:
    with _LOCK:
        kept = _KEPT.get(model)
        if kept is None or kept.state != state:
            storages = [StorageWeakRef(value.untyped_storage()) for value in model.parameters()]  # type: ignore[no-untyped-call]
            kept = _KEPT[model] = _Kept(state, storages)
        if dtype not in kept.by_dtype:
            kept.by_dtype[dtype] = _pack(model, dtype)
        return kept.by_dtype[dtype]


@torch.inference_mode(False)  # inference tensors are of limited use outside that mode
@torch.no_grad()
def _pack(model: Packable, dtype: torch.dtype) -> Packed:
    rows = ChannelsLast(
        Convolution.of(model.project_in, at_least_single(dtype)),
        tuple(stage.channels_last(dtype) for stage in model.stages),  # type: ignore[operator]
        Head.of(model.project_out, model.slope, dtype),
        dtype,
    )
    device = model.project_in.weight.device
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()  # the next call may run on another stream
    return Packed(rows, Recordings(rows, model.context_frames, recorder(device)))


def _dtype(weight: Tensor) -> torch.dtype:
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype


def _state(model: nn.Module) -> list[int] | None:
    """A key that changes with the weights; None for a module with hooks inside. Computed on every call."""
    state: list[int] = []
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if part is not model and (part._forward_hooks or part._forward_pre_hooks):
            return None
        for value in part._parameters.values():
            if value is not None:
                state += (value.untyped_storage()._cdata, -1 if value.is_inference() else value._version)
        waiting.extend(inner for inner in part._modules.values() if inner is not None)
    return state


def _is_capturing(mel: Tensor) -> bool:
    return mel.device.type == "cuda" and torch.cuda.is_current_stream_capturing()
