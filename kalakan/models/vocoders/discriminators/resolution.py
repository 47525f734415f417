"""Multi-resolution spectrogram discriminator (W. Jang et al., "UnivNet", arXiv 2106.07889, section 2.2), small."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RESOLUTIONS = ((1024, 256), (512, 128), (256, 64))
"""FFT size and hop in samples of each resolution."""
COMPRESSION = 0.3
"""Exponent of the magnitudes: a compromise between the linear scale, which loud sounds dominate, and the logarithm."""
SLOPE = 0.1
"""Negative slope of the leaky ReLU."""


class SpectrogramJudge(nn.Module):
    """Two-dimensional convolutions over a compressed magnitude spectrogram of one resolution."""

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        # (channels in and out, kernel and stride over frequency, stride over time)
        sizes = [
            (1, channels, 7, 2, 1),
            (channels, channels, 5, 2, 1),
            (channels, 2 * channels, 5, 2, 2),
            (2 * channels, 2 * channels, 3, 1, 1),
        ]
        self.convs = nn.ModuleList(
            [
                nn.utils.parametrizations.weight_norm(
                    nn.Conv2d(inputs, outputs, (kernel, 3), (stride, step), padding=(kernel // 2, 1))
                )
                for inputs, outputs, kernel, stride, step in sizes
            ]
        )
        self.out = nn.utils.parametrizations.weight_norm(nn.Conv2d(2 * channels, 1, 3, padding=1))

    def spectrogram(self, audio: Tensor) -> Tensor:
        """Compressed magnitudes [B, 1, F, T'] of audio [B, S]."""
        frames = audio.unfold(1, self.n_fft, self.hop_length) * self.window
        spectrum = torch.fft.rfft(frames)
        power = spectrum.real.square() + spectrum.imag.square()
        return (power + 1e-6).pow(COMPRESSION / 2).transpose(1, 2)[:, None]

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores [B, 1, F', T''] of audio [B, S], and the feature maps of all layers."""
        with torch.autocast(audio.device.type, enabled=False):
            x = self.spectrogram(audio.float())
        features: list[Tensor] = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), SLOPE)
            features.append(x)
        return self.out(x), features


class ResolutionDiscriminator(nn.Module):
    """One discriminator per resolution; see `SpectrogramJudge`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList([SpectrogramJudge(n_fft, hop, channels) for n_fft, hop in RESOLUTIONS])

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores and features of each discriminator for audio [B, S]; S must be at least 1024."""
        return [judge(audio) for judge in self.judges]
