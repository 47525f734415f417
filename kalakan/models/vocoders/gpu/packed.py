"""Generators with packed weights: when they are used, cached and rebuilt."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from kalakan.models.vocoders.gpu.channels_last import ChannelsLast, Convolution, Head, at_least_single
from kalakan.models.vocoders.gpu.cuda_recorder import CudaRecorder
from kalakan.models.vocoders.gpu.graph_cache import LONGEST, Recorder, Recordings, are_wanted
from kalakan.models.vocoders.gpu.ragged_batch import generate_passes
from kalakan.models.vocoders.gpu.weights import Weights
from kalakan.ops.launch import is_capturing

DEVICES = ("cuda",)
"""Device types on which packed weights are used."""


class Packable(Protocol):
    """A generator whose stages can be packed: an `nn.Module` of two convolutions with stages between them."""

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

    weights: Weights
    by_dtype: dict[torch.dtype, Packed] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[object, _Kept] = WeakKeyDictionary()
_LOCK = threading.Lock()


def packed(model: Packable, mel: Tensor) -> Packed | None:
    """The generator for a module's current weights, in autocast's type or their own. None if packed weights do not
    apply: off the GPU, if gradients are required, while tracing or compiling, and for a module with hooks, which would
    not run.

    It is rebuilt after the weights were moved, cast or modified in place. An in-place change through
    `.data`, which torch does not track, is not detected: call `forget` then.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return None
    weight = model.project_in.weight
    if mel.device.type not in DEVICES or mel.device != weight.device:
        return None
    wants_gradients = torch.is_grad_enabled()
    if wants_gradients and (mel.requires_grad or weight.requires_grad):
        return None
    with _LOCK:
        kept = _KEPT.get(model)
        if kept is None or not kept.weights.are_unchanged:
            kept = _KEPT[model] = _Kept(Weights(cast(nn.Module, model)))
        if kept.weights.have_hooks or (wants_gradients and kept.weights.want_gradient):
            return None
        return _packed(kept, model, _dtype(weight))


def forget(model: nn.Module) -> None:
    """Frees a module's packed weights and captured graphs."""
    with _LOCK:
        _KEPT.pop(model, None)


def waveform(found: Packed, mel: Tensor) -> Tensor:
    """Waveform [B, T * hop_length] of a log-mel [B, M, T]."""
    mel = mel.to(found.rows.project_in.weight.dtype)  # a graph captured for one type is replayed for all
    is_short = mel.size(0) == 1 and mel.size(2) <= LONGEST
    if is_short and are_wanted() and not is_capturing(mel):
        return found.recordings.waveform(mel)
    return found.rows(mel)


def passes(model: Packable, mels: Sequence[Tensor]) -> Iterator[tuple[list[int], list[Tensor]]]:
    """See `kalakan.models.interfaces.BatchVocoder`; the samples are those of `inference`."""
    found = packed(model, mels[0]) if len(mels) > 1 else None
    if found is None:
        for row, mel in enumerate(mels):
            yield [row], [model.inference(mel)[0]]
        return
    dtype = model.project_in.weight.dtype
    for rows, audios in generate_passes(found.rows, mels, model.context_frames):
        yield rows, [audio.to(dtype) for audio in audios]


def recorder(device: torch.device) -> Recorder:
    """The recorder of a device."""
    return CudaRecorder(device)


def _packed(kept: _Kept, model: Packable, dtype: torch.dtype) -> Packed:
    if dtype in kept.by_dtype:
        return kept.by_dtype[dtype]
    found = _pack(model, dtype)
    if not is_capturing(model.project_in.weight):
        kept.by_dtype[dtype] = found
    return found


def _pack(model: Packable, dtype: torch.dtype) -> Packed:
    rows, weight = rows_of(model, dtype), model.project_in.weight
    if weight.is_cuda and not is_capturing(weight):
        torch.cuda.current_stream(weight.device).synchronize()  # the next call may run on another stream
    return Packed(rows, Recordings(rows, model.context_frames, recorder(weight.device)))


@torch.inference_mode(False)  # inference tensors are of limited use outside that mode
@torch.no_grad()
def rows_of(model: Packable, dtype: torch.dtype) -> ChannelsLast:
    """The generator with its own copy of the weights, folded, cast and reordered."""
    return ChannelsLast(
        Convolution.of(model.project_in, at_least_single(dtype)),
        tuple(stage.channels_last(dtype) for stage in model.stages),  # type: ignore[operator]
        Head.of(model.project_out, model.slope, dtype),
        dtype,
    )


def _dtype(weight: Tensor) -> torch.dtype:
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
