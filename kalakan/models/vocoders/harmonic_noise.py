"""A light source-filter vocoder: a small network predicts filters for pulses and noise, the rest is DSP."""

import math
from typing import Final

import torch
from torch import Tensor, nn

from kalakan.audio import harmonic_noise as sound
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.errors import AudioError, ConfigError
from kalakan.models.layers.blocks import ConvNextBlock, MaskedConv1d
from kalakan.models.layers.masking import length_mask
from kalakan.models.vocoders.source_filter import SourceFilter

LOG_F0_CENTRE = math.log(160.0)
LOG_F0_SPREAD = 0.4
MAX_LOG_GAIN = 5.0
"""Ceiling of a filter's natural-log gain: a damaged input cannot cause infinities."""
NOISE_CUT_FADE = 500.0
"""Hz on each side of `HarmonicNoiseConfig.noise_cut_below` over which the cut of the noise fades out."""
NOISE_CUT_FADE_DB = 3.0
"""Decibels above `HarmonicNoiseConfig.noise_cut_from` at which the full cut applies."""


class F0Head(nn.Module):
    """Predicts F0 and voicing from the mel, for callers that have no F0."""

    def __init__(self, n_mels: int, width: int) -> None:
        super().__init__()
        self.project_in = MaskedConv1d(n_mels, width, 5)
        self.blocks = nn.ModuleList([ConvNextBlock(width, 2 * width, 7) for _ in range(2)])
        self.project_out = nn.Linear(width, 2)

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Normalized mel [B, T, M] to [B, T, 2]: normalized log F0, and the voicing logit."""
        x = self.project_in(mel, mask)
        for block in self.blocks:
            x = block(x, mask)
        heard: Tensor = self.project_out(x)
        return heard


class HarmonicNoise(nn.Module):
    """Log-mel and F0 to waveform by a harmonic filter (gain and phase) and a noise filter (gain) per subframe.

    The approach of hn-NSF and of DDSP vocoders (X. Wang et al., arXiv 1904.12088; arXiv 2401.10460) with the ConvNeXt
    trunk of Vocos (H. Siuzdak, arXiv 2306.00814, section 3). The noise comes from a table, so the same input gives
    the same bytes.
    """

    takes_f0: Final[bool] = True
    """See `kalakan.models.interfaces.Vocoder`."""
    mel_mean: Tensor
    mel_std: Tensor
    log_share: Tensor

    def __init__(self, config: HarmonicNoiseConfig, audio: AudioConfig) -> None:
        super().__init__()
        _check_sizes(config, audio)
        self.config = config
        self.sample_rate = audio.sample_rate
        self.hop_length = audio.hop_length
        self.n_mels = audio.n_mels
        self.subframes = config.subframes
        self.bins = config.n_fft // 2 + 1
        self.f0_centre, self.f0_spread = LOG_F0_CENTRE, LOG_F0_SPREAD
        self.max_log_gain = MAX_LOG_GAIN
        self.clear_from, self.fade = config.noise_cut_from, NOISE_CUT_FADE_DB
        self.judged = 1 + min(int(config.noise_cut_below / audio.sample_rate * config.n_fft), self.bins - 1)
        share = log_noise_share(config.noise_cut, config.noise_cut_below, self.bins, audio.sample_rate)
        self.register_buffer("log_share", share, persistent=False)
        self.register_buffer("mel_mean", torch.full([audio.n_mels], -5.0))
        self.register_buffer("mel_std", torch.full([audio.n_mels], 2.0))
        self.f0_head = F0Head(audio.n_mels, config.f0_width)
        self.project_in = MaskedConv1d(audio.n_mels + 2, config.width, config.kernel)
        self.norm_in = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(
            [ConvNextBlock(config.width, config.inner, config.kernel) for _ in range(config.layers)]
        )
        self.norm_out = nn.LayerNorm(config.width)
        self.project_out = nn.Linear(config.width, config.subframes * 3 * self.bins)
        self.synthesis = SourceFilter(audio.sample_rate, audio.hop_length, config.n_fft, config.subframes)
        self.context_frames = sound.network_context(config) + sound.context_frames(audio, config)
        self._start()

    def _start(self) -> None:
        """Initializes the output near silence at zero phase, so that training only has to raise the gains."""
        nn.init.normal_(self.project_out.weight, std=0.01)
        bias = torch.zeros(self.subframes, 3, self.bins)
        bias[:, 0] = -5.0
        bias[:, 2] = -7.0
        with torch.no_grad():
            self.project_out.bias.copy_(bias.flatten())
            for index, block in enumerate(self.blocks):
                block.project.weight.mul_(1.0 / math.sqrt(index + 1.0))  # type: ignore[union-attr, operator]

    @torch.jit.export
    def normalize(self, mel: Tensor) -> Tensor:
        """Log-mel [B, M, T] to normalized [B, T, M]."""
        return (mel.transpose(1, 2) - self.mel_mean) / self.mel_std

    @torch.jit.export
    def heard_f0(self, mel: Tensor, mask: Tensor) -> Tensor:
        """F0 [B, T] in Hz, 0 where unvoiced, of a log-mel [B, M, T] with mask [B, T, 1]."""
        heard = self.f0_head(self.normalize(mel), mask).float()
        hertz = torch.exp((heard[:, :, 0] * self.f0_spread + self.f0_centre).clamp(min=3.0, max=6.9))
        return torch.where(heard[:, :, 1] > 0, hertz, torch.zeros_like(hertz))

    @torch.jit.export
    def filters(self, mel: Tensor, f0: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Harmonic log gain, harmonic phase and noise log gain, each [B, T * subframes, F], as trained.

        Log-mel [B, M, T], F0 [B, T] in Hz, mask [B, T, 1].
        """
        return self.split_filters(self.raw_filters(mel, f0, mask))

    @torch.jit.export
    def raw_filters(self, mel: Tensor, f0: Tensor, mask: Tensor) -> Tensor:
        """The network's output for each mel frame: [B, T, subframes * 3 * F]."""
        voiced = (f0 > 0).to(mel.dtype)
        pitch = (torch.log(f0.clamp(min=1.0)) - self.f0_centre) / self.f0_spread * voiced
        x = torch.cat([self.normalize(mel), pitch[:, :, None], voiced[:, :, None]], dim=2)
        x = self.norm_in(self.project_in(x, mask))
        for block in self.blocks:
            x = block(x, mask)
        raw: Tensor = self.project_out(self.norm_out(x))
        return raw

    @torch.jit.export
    def split_filters(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three parts of `raw_filters` by subframe, gains clamped to their ceiling."""
        x = raw.view(raw.shape[0], raw.shape[1] * self.subframes, 3, self.bins)
        harmonic, breath = x[:, :, 0].float(), x[:, :, 2].float()
        return harmonic.clamp(max=self.max_log_gain), x[:, :, 1].float(), breath.clamp(max=self.max_log_gain)

    @torch.jit.export
    def clear_voice(self, harmonic: Tensor, breath: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Log gains [B, K, F] of pulses and noise at inference: in voiced frames of F0 [B, T] part of the noise's
        power, set by `HarmonicNoiseConfig.noise_cut`, moves to the pulses. The total power is unchanged."""
        voiced = (f0 > 0).to(harmonic.dtype).repeat_interleave(self.subframes, dim=1)[:, :, None]
        pulses, noise = torch.exp(2.0 * harmonic), torch.exp(2.0 * breath)
        power = (pulses[:, :, : self.judged].sum(2, True), noise[:, :, : self.judged].sum(2, True))
        ratio = power[0].clamp(min=1e-30) / power[1].clamp(min=1e-30)
        decibels = torch.log(ratio) * (10.0 / math.log(10.0))
        depth = ((decibels - self.clear_from) / self.fade).clamp(min=0.0, max=1.0) * voiced * self.log_share
        taken = pulses + noise * (1.0 - torch.exp(depth))
        return 0.5 * torch.log(taken.clamp(min=1e-37)), breath + 0.5 * depth

    @torch.jit.export
    def inference(self, mel: Tensor, f0: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T].

        F0 [B, T] in Hz, 0 where unvoiced; estimated from the mel if None. `lengths` [B] in frames: silence after
        them.
        """
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            _check_input(mel, f0, self.n_mels)
        if lengths is None:
            lengths = torch.full([mel.shape[0]], mel.shape[2], device=mel.device)
        mask = length_mask(lengths, mel.shape[2])
        weight = mask.to(self.mel_mean.dtype)[:, :, None]
        mel = mel.to(self.mel_mean.dtype)
        if f0 is None:
            f0 = self.heard_f0(mel, weight)
        f0 = f0.float().clamp(min=0.0)
        harmonic, phase, breath = self.filters(mel, f0, weight)
        harmonic, breath = self.clear_voice(harmonic, breath, f0)
        start = torch.zeros(mel.shape[0], device=mel.device)
        place = torch.zeros(mel.shape[0], dtype=torch.long, device=mel.device)
        audio: Tensor = self.synthesis(harmonic, phase, breath, f0, mask.float(), start, place)
        return audio.clamp(-1.0, 1.0)

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `Vocoder`."""
        mel = mel.to(self.mel_mean.dtype)
        mask = torch.ones_like(mel[:, :1]).transpose(1, 2)  # [1, W, 1]
        if f0 is None:
            f0 = self.heard_f0(mel, mask)
        f0 = f0.float().clamp(min=0.0)
        last_frame = first_frame + mel.shape[2]
        harmonic, phase_shift, breath = self.filters(mel, f0[:, first_frame:last_frame], mask)
        harmonic, breath = self.clear_voice(harmonic, breath, f0[:, first_frame:last_frame])
        phase, place = sound.source_start(seed)
        start = torch.full([1], phase, device=mel.device)
        # Pulses from the sentence's start: phase accumulates. One frame more: F0 is interpolated between centers.
        pulses, noise = self.synthesis.sources(
            f0[:, : last_frame + 1], start, torch.full([1], place, device=mel.device)
        )
        window = slice(first_frame * self.hop_length, last_frame * self.hop_length)
        return self.synthesis.filter(
            harmonic, phase_shift, breath, pulses[:, window], noise[:, window], mask.squeeze(2).float()
        )

    def forward(self, mel: Tensor) -> Tensor:
        """The same as `inference` of the mel alone."""
        return self.inference(mel, None, None)


def log_noise_share(cut: float, below: float, bins: int, sample_rate: int) -> Tensor:
    """Natural log [F] of the fraction of noise power that a voiced frame keeps: `cut` dB less up to `below` Hz."""
    hertz = torch.arange(bins, dtype=torch.float64) * (0.5 * sample_rate / (bins - 1))
    depth = ((below - hertz) / (2.0 * NOISE_CUT_FADE) + 0.5).clamp(0.0, 1.0)
    return (-0.1 * math.log(10.0) * cut * depth).float()


def _check_sizes(config: HarmonicNoiseConfig, audio: AudioConfig) -> None:
    hop = audio.hop_length // config.subframes
    if audio.hop_length % config.subframes:
        raise ConfigError(
            f"audio.hop_length is {audio.hop_length} and model.subframes {config.subframes}; the second must divide "
            "the first: set both"
        )
    if config.n_fft % hop or (config.n_fft - hop) % 2 or config.n_fft <= hop:
        raise ConfigError(
            f"audio.hop_length is {audio.hop_length}, in {config.subframes} subframes of {hop} samples, and "
            f"model.n_fft {config.n_fft}; n_fft must be a multiple of {hop}, above it, and n_fft - {hop} even: set both"
        )


def _check_input(mel: Tensor, f0: Tensor | None, n_mels: int) -> None:
    if mel.dim() != 3 or mel.shape[1] != n_mels or mel.shape[2] < 1:
        raise AudioError(
            f"mel has shape {list(mel.shape)}; it must be [B, {n_mels}, T] with at least one frame"
        )
    if f0 is not None and list(f0.shape) != [mel.shape[0], mel.shape[2]]:
        raise AudioError(
            f"f0 has shape {list(f0.shape)}; it must be {[mel.shape[0], mel.shape[2]]} for this mel"
        )
