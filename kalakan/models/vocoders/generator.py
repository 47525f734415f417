"""From log-mel to waveform by stages of transposed convolutions: the common base of HiFi-GAN and MelGAN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, HifiGanConfig, MelGanConfig
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.upsampling import Upsample, check_mel, check_rates, same_conv, stages_context


class Generator(nn.Module):
    """Log-mel [B, M, T] to waveform [B, T * hop_length]; implements `kalakan.models.interfaces.Vocoder`.

    On a GPU and without gradients `inference`, `render` and `render_passes` run the packed weights of
    `kalakan.models.vocoders.gpu.packed`; `forward` never does.
    """

    def __init__(
        self,
        config: HifiGanConfig | MelGanConfig,
        audio: AudioConfig,
        slope: float,
        blocks: Callable[[int], Sequence[nn.Module]],
        reach: int,
    ) -> None:
        """`blocks` builds the layers after an upsampling, given its channels; they reach `reach` samples each way."""
        super().__init__()
        check_rates(config.upsample_rates, audio)
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.n_mels = audio.n_mels
        self.slope = slope
        channels = config.channels
        self.project_in = same_conv(audio.n_mels, channels, 7)
        stages: list[nn.Module] = []
        for rate in config.upsample_rates:
            stages.append(Upsample(channels, rate, slope))
            channels //= 2
            stages += blocks(channels)
        self.stages = nn.ModuleList(stages)
        self.project_out = same_conv(channels, 1, 7)
        rates = config.upsample_rates
        self.context_frames = stages_context(rates, [reach] * len(rates), 3)

    @torch.jit.export
    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]; `AudioError` for another shape."""
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            check_mel(mel, self.n_mels)
            found = packed.packed(self, mel)
            if found is not None:
                return packed.waveform(found, mel).to(self.project_in.weight.dtype)
        return self.forward(mel.to(self.project_in.weight.dtype))

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `Vocoder`; this vocoder is deterministic, so every seed gives the same samples."""
        return self.inference(mel)

    def render_passes(self, mels: Sequence[Tensor]) -> Iterator[tuple[list[int], list[Tensor]]]:
        """See `BatchVocoder`."""
        for mel in mels:
            check_mel(mel, self.n_mels)
        return packed.passes(self, mels)

    def forward(self, mel: Tensor) -> Tensor:
        """The same as `inference`, without its check."""
        x = self.project_in(mel)
        for stage in self.stages:
            x = stage(x)
        return self.post_process(x)

    @torch.jit.export
    def post_process(self, x: Tensor) -> Tensor:
        """Waveform [B, S] of the activations [B, C, S] behind the last stage."""
        return torch.tanh(self.project_out(F.leaky_relu(x, self.slope))).squeeze(1)

    def _apply(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # of `.to`, `.half`, `.cuda`
        packed.forget(self)  # before the move, so that memory is never held twice
        return super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
