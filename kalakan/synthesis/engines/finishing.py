"""The last steps for a waveform, on the GPU that generated it: gain, soft limiting, and a check that it is finite.

The same functions as in `kalakan.audio.loudness`, which take numpy arrays; for 32 sentences of 10 s those take longer
than the vocoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.audio.loudness import KNEE

Gain = NDArray[np.float32] | None
"""Amplitude factor, [1] for a whole phrase or [T] for each frame; None for 1."""


def finish(
    waveforms: Sequence[Tensor], gains: Sequence[Gain], hop_length: int, first_frame: int = 0
) -> Tensor:
    """All samples of the waveforms [S_i] in a row, limited to [-1, 1], followed by the peak [1] before limiting, which
    is NaN or infinite if any sample is: float32 [sum S_i + 1]. `first_frame` is the index of the first frame in the
    phrase that `gains` belong to."""
    louder = [
        wave.float() if gain is None else wave.float() * envelope(gain, first_frame, wave, hop_length)
        for wave, gain in zip(waveforms, gains, strict=True)
    ]
    audio = torch.cat(louder)
    size = audio.abs()
    room = 1.0 - KNEE
    bent = (KNEE + room * torch.tanh((size - KNEE) / room)).clamp_(max=1.0).copysign_(audio)
    return torch.cat([torch.where(size > KNEE, bent, audio), size.amax(0, keepdim=True)])


def envelope(gain: NDArray[np.float32], first_frame: int, wave: Tensor, hop_length: int) -> Tensor | float:
    """`kalakan.audio.loudness.envelope` of a waveform [S], on its device."""
    if len(gain) == 1:
        return float(gain[0])
    values = torch.from_numpy(gain).to(wave.device)
    samples = torch.arange(len(wave), device=wave.device, dtype=torch.float64)
    place = ((first_frame + samples / hop_length) - 0.5).clamp_(0, len(gain) - 1)
    before = place.floor().clamp_(max=len(gain) - 2).long()
    return torch.lerp(values[before], values[before + 1], (place - before).float())
