"""Weights of a transposed convolution in the order in which the kernels read them, packed once."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from kalakan.ops.choices import Shape
from kalakan.ops.launch import is_capturing

_KEPT = WeakTensorKeyDictionary()
"""Values derived from a tensor, by the facts that they depend on."""


def packed(weight: Tensor, stride: int, dtype: torch.dtype) -> Tensor:
    """`pack(weight, stride)` as `dtype`, cached for as long as `weight` is alive and not modified in place."""
    return _kept(weight, (stride, dtype), lambda: pack(weight.detach().to(dtype), stride))


def offsets(bias: Tensor | None, channels: int, device: torch.device) -> Tensor:
    """The bias [C_out] in float32, cached like `packed`; zeros for none."""
    if bias is None:
        return torch.zeros(channels, device=device)
    if bias.dtype == torch.float32:
        return bias.detach()
    return _kept(bias, (), lambda: bias.detach().float())


def _kept(source: Tensor, what: tuple[object, ...], make: Callable[[], Tensor]) -> Tensor:
    """`make()`, once per state of `source`; values made during a graph capture are not cached."""
    version = -1 if source.is_inference() else source._version
    key = (source.data_ptr(), version, source.device, *what)
    if source in _KEPT and _KEPT[source][0] == key:
        found: Tensor = _KEPT[source][1]
        return found
    made = make()
    if not is_capturing(source):
        if source.is_cuda:
            torch.cuda.current_stream(source.device).synchronize()  # the next call may run on another stream
        _KEPT[source] = key, made
    return made


def pack(weight: Tensor, stride: int) -> Tensor:
    """[S, taps, C_out, C_in] of [C_in, C_out, K]: tap j of phase f is `weight[:, :, f + j * S]`, or zeros past K."""
    c_in, c_out, kernel = weight.shape
    taps = math.ceil(kernel / stride)
    full = torch.nn.functional.pad(weight, [0, taps * stride - kernel])
    return full.reshape(c_in, c_out, taps, stride).permute(3, 2, 1, 0).contiguous()


def activation_dtype(x: Tensor) -> torch.dtype:
    """The op's compute type: autocast's if that is enabled."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def shape(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, *_: object) -> Shape:
    """Key of a call in `kalakan.ops.choices`."""
    c_in, c_out, kernel = weight.shape
    dtype = str(activation_dtype(x)).removeprefix("torch.")
    return Shape(f"{dtype} {c_in} to {c_out}, {kernel} by {stride}", x.size(0) * x.size(2), x.device)


def channels_last(x: Tensor, dtype: torch.dtype) -> Tensor:
    """[B, T, C] of [B, C, T], contiguous; no copy where the channels are contiguous already."""
    return x.detach().to(dtype).transpose(1, 2).contiguous()
