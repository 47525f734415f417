"""HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646): log-mel to waveform by transposed convolutions.

As in the paper, section 2.2 and appendix A.1, but for the upsampling rates, which follow the hop length of the mel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, HifiGanConfig
from kalakan.models.vocoders.upsampling import Upsample, check_mel, check_rates, same_conv, stages_context

SLOPE = 0.1
"""Of every leaky ReLU."""


class ResidualBlock(nn.Module):
    """Dilated convolutions, each with a way around it; with `pairs` a plain convolution follows each dilated one."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], pairs: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for dilation in dilations:
            layer = [nn.LeakyReLU(SLOPE), same_conv(channels, channels, kernel, dilation)]
            if pairs:
                layer += [nn.LeakyReLU(SLOPE), same_conv(channels, channels, kernel)]
            self.layers.append(nn.Sequential(*layer))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        for layer in self.layers:
            x = x + layer(x)
        return x


class ReceptiveFieldFusion(nn.Module):
    """Mean of residual blocks with different kernels (the paper's multi-receptive field fusion)."""

    def __init__(self, channels: int, config: HifiGanConfig) -> None:
        super().__init__()
        sizes = zip(config.residual_kernels, config.residual_dilations, strict=True)
        self.blocks = nn.ModuleList(
            [ResidualBlock(channels, kernel, dilations, config.residual_pairs) for kernel, dilations in sizes]
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S] to [B, C, S]."""
        total = torch.zeros_like(x)
        for block in self.blocks:
            total = total + block(x)
        return total / len(self.blocks)


class HifiGan(nn.Module):
    """Log-mel [B, M, T] to waveform [B, T * hop_length]; obeys `kalakan.models.interfaces.Vocoder`."""

    def __init__(self, config: HifiGanConfig, audio: AudioConfig) -> None:
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
            stages.append(ReceptiveFieldFusion(channels, config))
        self.stages = nn.ModuleList(stages)
        self.project_out = same_conv(channels, 1, 7)
        sizes = zip(config.residual_kernels, config.residual_dilations, strict=True)
        reach = max(
            kernel // 2 * (sum(dilations) + len(dilations) * config.residual_pairs)
            for kernel, dilations in sizes
        )
        self.context_frames = stages_context(config.upsample_rates, [reach] * len(config.upsample_rates), 3)
        for module in (*self.stages.modules(), self.project_out):
            if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
                nn.init.normal_(module.weight, std=0.01)

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
