"""Weights of a transposed convolution in the order in which the kernels read them, packed once."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_PACKED = WeakTensorKeyDictionary()


def packed(weight: Tensor, stride: int, dtype: torch.dtype) -> Tensor:
    """`pack(weight, stride)` as `dtype`, cached for as long as `weight` is alive and not modified in place."""
    version = -1 if weight.is_inference() else weight._version
    key = (weight.data_ptr(), version, weight.device, stride, dtype)
    if weight not in _PACKED or _PACKED[weight][0] != key:
        _PACKED[weight] = key, pack(weight.detach().to(dtype), stride)
        if weight.is_cuda and not torch.cuda.is_current_stream_capturing():
            torch.cuda.current_stream(weight.device).synchronize()  # the next call may run on another stream
    found: Tensor = _PACKED[weight][1]
    return found


def pack(weight: Tensor, stride: int) -> Tensor:
    """[S, taps, C_out, C_in] of [C_in, C_out, K]: tap j of phase f is `weight[:, :, f + j * S]`, or zeros past K."""
    c_in, c_out, kernel = weight.shape
    taps = math.ceil(kernel / stride)
    full = torch.nn.functional.pad(weight, [0, taps * stride - kernel])
    return full.reshape(c_in, c_out, taps, stride).permute(3, 2, 1, 0).contiguous()


def activation_dtype(x: Tensor) -> torch.dtype:
    """The op's compute type: autocast's where that is enabled."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def channels_last(x: Tensor, dtype: torch.dtype) -> Tensor:
    """[B, T, C] of [B, C, T], contiguous; no copy where the channels are contiguous already."""
    return x.detach().to(dtype).transpose(1, 2).contiguous()
