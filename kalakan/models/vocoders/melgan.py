"""MelGAN (Kumar et al. 2019, https://arxiv.org/abs/1910.06711): log-mel to waveform, small and fast.

As in the paper, section 2.1 and table 4, but for the upsampling rates, which follow the hop length of the mel, and
zeros in place of reflected samples around each convolution, so that a mel of one frame has a waveform too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, MelGanConfig
from kalakan.models.vocoders.upsampling import Upsample, check_mel, check_rates, same_conv, stages_context

SLOPE = 0.2
"""Of every leaky ReLU."""


class ResidualBlock(nn.Module):
    """A dilated convolution and one of a single sample, beside a shortcut of a single sample (paper, figure 1)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilated = same_conv(channels, channels, 3, dilation)
        self.mix = same_conv(channels, channels, 1)
        self.shortcut = same_conv(channels, channels, 1)
        self.slope = SLOPE

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        hidden = F.leaky_relu(self.dilated(F.leaky_relu(x, self.slope)), self.slope)
        return self.shortcut(x) + self.mix(hidden)


class MelGan(nn.Module):
    """Log-mel [B, M, T] to waveform [B, T * hop_length]; obeys `kalakan.models.interfaces.Vocoder`."""

    def __init__(self, config: MelGanConfig, audio: AudioConfig) -> None:
        super().__init__()
        check_rates(config.upsample_rates, audio)
        self.config = config
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.n_mels = audio.n_mels
        self.slope = SLOPE
        channels = config.channels
        self.project_in = same_conv(audio.n_mels, channels, 7)
        stages: list[nn.Module] = []
        for rate in config.upsample_rates:
            stages.append(Upsample(channels, rate, SLOPE))
            channels //= 2
            stages += [ResidualBlock(channels, dilation) for dilation in config.residual_dilations]
        self.stages = nn.ModuleList(stages)
        self.project_out = same_conv(channels, 1, 7)
        reaches = [sum(config.residual_dilations)] * len(config.upsample_rates)
        self.context_frames = stages_context(config.upsample_rates, reaches, 3)

    @torch.jit.export
    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]; `AudioError` for another shape."""
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            check_mel(mel, self.n_mels)
        return self.forward(mel.to(self.project_in.weight.dtype))

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `Vocoder`; there is no chance in this one, so every seed gives the same samples."""
        return self.inference(mel)

    def forward(self, mel: Tensor) -> Tensor:
        """The same as `inference`, without its check."""
        x = self.project_in(mel)
        for stage in self.stages:
            x = stage(x)
        return torch.tanh(self.project_out(F.leaky_relu(x, self.slope))).squeeze(1)
