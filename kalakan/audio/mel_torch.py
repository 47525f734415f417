"""The mel of `kalakan.audio.mel` for tensors: differentiable and batched, for losses."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from kalakan.audio.mel import mel_filters
from kalakan.config.schema import AudioConfig


class LogMel(nn.Module):
    """Audio [B, S] in [-1, 1] to log-mel [B, M, T], T = S // hop_length, on the module's device."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.n_fft = config.n_fft
        self.win_length = config.win_length
        self.hop_length = config.hop_length
        self.floor = config.mel_floor
        self.register_buffer("window", torch.hann_window(config.win_length), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(config)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Log-mel [B, M, T] of audio [B, S], S at least hop_length."""
        padding = (self.n_fft - self.hop_length) // 2
        spectrum = torch.stft(
            pad(audio, (padding, padding)),
            self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=self.window,
            center=False,
            return_complex=True,
        )
        return torch.matmul(self.filters, spectrum.abs()).clamp(min=self.floor).log()  # [B, M, T]
