"""Excitation and synthesis of a harmonic-plus-noise vocoder in torch; `rust/kalakan-dsp` implements the same.

A pulse train at F0 and white noise are cut into overlapping Hann windows, filtered bin by bin, summed and
overlap-added: the source-filter model of speech (J. Makhoul, "Linear prediction: a tutorial review", 1975,
section II) with the filtering of differentiable DSP (J. Engel et al., "DDSP", ICLR 2020, section 3.4).
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.audio.harmonic_noise import NOISE_SIZE

MAX_F0 = 1000.0
"""Highest F0 in Hz; higher values are clamped."""
TAPS = 8
"""Half width in samples of the windowed sinc that represents one pulse."""


def noise_table() -> Tensor:
    """White noise [NOISE_SIZE] of unit power, uniform, bit-identical on all machines.

    The 32-bit hash `lowbias32` (C. Wellons, "Prospecting for hash functions", 2018) of the sample's index.
    """
    x = np.arange(1, NOISE_SIZE + 1, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D)) & mask
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B)) & mask
    level = ((x ^ (x >> np.uint64(16))) >> np.uint64(8)).astype(np.float64)  # 24 bits
    centered = (level + 0.5) / 2.0**23 - 1.0
    return torch.from_numpy((centered * math.sqrt(3.0)).astype(np.float32))


def sample_f0(f0: Tensor, hop_length: int, highest: float = MAX_F0) -> Tensor:
    """F0 [B, T] of frames to F0 [B, T * hop_length] of samples, float64, 0 where unvoiced.

    Linear between the centers of two voiced frames; elsewhere a sample takes its own frame's value.
    """
    own = f0.to(torch.float64).clamp(min=0.0, max=highest)[:, :, None]  # [B, T, 1]
    before = torch.cat([own[:, :1], own[:, :-1]], dim=1)
    after = torch.cat([own[:, 1:], own[:, -1:]], dim=1)
    offset = torch.arange(hop_length, device=f0.device, dtype=torch.float64) / hop_length - 0.5  # [hop]
    other = torch.where(offset < 0, before, after)  # [B, T, hop]
    between = own + offset.abs() * (other - own)
    both = (own > 0) & (other > 0)
    return torch.where(both, between, own.expand(-1, -1, hop_length)).flatten(1)


def pulse_train(f0: Tensor, sample_rate: int, hop_length: int, start: Tensor, taps: int = TAPS) -> Tensor:
    """Band-limited pulses [B, T * hop_length] of unit power at the F0 [B, T] in Hz; silent where it is 0.

    A pulse occurs where the accumulated phase (cycles, from `start` [B] on) passes an integer; the position between
    two samples is kept by a Hann-windowed sinc. The phase stays constant through unvoiced frames.
    """
    step = sample_f0(f0, hop_length) / sample_rate  # cycles per sample, [B, S]
    phase = torch.cumsum(step, dim=1) + start.to(torch.float64)[:, None]
    whole = torch.floor(phase)
    before = torch.cat([torch.floor(start.to(torch.float64))[:, None], whole[:, :-1]], dim=1)
    row, column = torch.where(before < whole)  # one entry per pulse: the first sample at or after it
    step, phase, whole = step[row, column], phase[row, column], whole[row, column]
    age = ((phase - whole) / step).clamp(min=1e-6, max=1.0)[:, None]  # samples since the pulse, [P, 1]
    tap = torch.arange(-taps, taps, device=f0.device)
    distance = age + tap  # [P, 2 * taps]
    bell = torch.cos(distance * (0.5 * math.pi / taps))
    shape = torch.sin(math.pi * age) * (1.0 - 2.0 * (tap % 2)) / (math.pi * distance) * bell * bell
    train = torch.zeros([f0.shape[0], before.shape[1] + 2 * taps], device=f0.device)
    # Pulses are further apart than they are wide (MAX_F0), so every sample is written once.
    places = row[:, None] * train.shape[1] + column[:, None] + tap + taps  # in the flattened train
    pulses = (shape * torch.rsqrt(step)[:, None]).float()
    train = train.flatten().scatter(0, places.flatten(), pulses.flatten()).view(train.shape)
    return train[:, taps : taps + before.shape[1]]


def frame_signal(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Overlapping frames [B, K, n_fft] of a signal [B, K * hop]; frame k is centered at (k + 0.5) * hop."""
    parts = n_fft // hop
    padded = F.pad(signal, [(n_fft - hop) // 2, (n_fft - hop) // 2])
    blocks = padded.reshape(signal.shape[0], -1, hop)  # needs (n_fft - hop) / 2 * 2 to be a multiple of hop
    count = blocks.shape[1] - parts + 1
    return torch.cat([blocks[:, part : part + count] for part in range(parts)], dim=2)


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """The reverse of `frame_signal` without weights: frames [B, K, n_fft] to sums [B, K * hop]."""
    n_fft = frames.shape[2]
    parts = n_fft // hop
    count = frames.shape[1]
    total = torch.zeros(frames.shape[0], count + parts - 1, hop, device=frames.device, dtype=frames.dtype)
    for part in range(parts):
        block = frames[:, :, part * hop : (part + 1) * hop]
        total = total + F.pad(block, [0, 0, part, parts - 1 - part])
    edge = (n_fft - hop) // 2
    flat = total.flatten(1)
    return flat[:, edge : flat.shape[1] - edge]


class SourceFilter(nn.Module):
    """Applies the filters of frames. No weights; the buffers (window, noise) are not part of a state dict."""

    window: Tensor
    noise: Tensor

    def __init__(self, sample_rate: int, hop_length: int, n_fft: int, subframes: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.n_fft = n_fft
        self.hop = hop_length // subframes
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("noise", noise_table(), persistent=False)

    def forward(
        self,
        harmonic: Tensor,
        phase: Tensor,
        breath: Tensor,
        f0: Tensor,
        mask: Tensor,
        start: Tensor,
        place: Tensor,
    ) -> Tensor:
        """Waveform [B, T * hop_length].

        `harmonic` and `breath` are natural-log gains of pulses and noise, `phase` the pulses' phase shift in
        radians, each [B, K, n_fft / 2 + 1] with K = T * subframes. F0 [B, T] in Hz; mask [B, T] is 0 past the end.
        `start` [B] is the pulses' phase in cycles before the first sample, `place` [B] (int64) its index in the
        noise table.
        """
        kept = mask.repeat_interleave(self.hop_length, dim=1)  # [B, S]
        pulses, noise = self.sources(f0 * mask, start, place)
        return self.filter(harmonic, phase, breath, pulses * kept, noise * kept, mask)

    def sources(self, f0: Tensor, start: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Pulses and noise [B, T * hop_length] of sentences with F0 [B, T]; `start` and `place` as in `forward`."""
        pulses = pulse_train(f0, self.sample_rate, self.hop_length, start)
        index = torch.arange(pulses.shape[1], device=f0.device)[None, :] + place[:, None]
        return pulses, self.noise[index % self.noise.shape[0]]

    def filter(
        self, harmonic: Tensor, phase: Tensor, breath: Tensor, pulses: Tensor, noise: Tensor, mask: Tensor
    ) -> Tensor:
        """Waveform [B, T * hop_length] of pulses and noise of that length; the rest as in `forward`."""
        kept = mask.repeat_interleave(self.hop_length, dim=1)  # [B, S]
        voice = torch.fft.rfft(frame_signal(pulses, self.n_fft, self.hop) * self.window)  # [B, K, F]
        air = torch.fft.rfft(frame_signal(noise, self.n_fft, self.hop) * self.window)
        spectrum = torch.polar(torch.exp(harmonic), phase) * voice + torch.exp(breath) * air
        present = mask.repeat_interleave(self.hop_length // self.hop, dim=1)[:, :, None]  # [B, K, 1]
        frames = torch.fft.irfft(spectrum, self.n_fft) * (self.window * present)
        weight = overlap_add((self.window * self.window) * present, self.hop)
        return overlap_add(frames, self.hop) / weight.clamp(min=1e-6) * kept
