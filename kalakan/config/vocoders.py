"""Sizes of the vocoders."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import MOST_SIZE, require, require_at_least, require_at_most, require_odd


@dataclass(frozen=True)
class HarmonicNoiseConfig:
    """Sizes of the source-filter vocoder `harmonic_noise`; the defaults are the default voice's."""

    width: int = 192
    """Channels of the trunk."""
    layers: int = 6
    """ConvNeXt blocks."""
    inner: int = 384
    """Channels inside a block."""
    kernel: int = 7
    """Kernel of the convolutions over time; odd."""
    n_fft: int = 600
    """Samples in the frame of a filter; a multiple of the subframe."""
    subframes: int = 2
    """Filters in one mel frame; it divides audio.hop_length."""
    f0_width: int = 64
    """Channels of the head that estimates F0 where none is given."""
    noise_cut: float = 9.0
    """Decibels by which noise is lowered in voiced frames at inference; its power goes to the pulses. What the
    network cannot predict of a voice's pulses it models as noise, which sounds hoarse. Not used in training."""
    noise_cut_below: float = 4000.0
    """Frequency in Hz below which noise is lowered; fades out over 500 Hz on each side."""
    noise_cut_from: float = 3.0
    """Decibels by which pulses must be stronger than noise below that frequency before noise is lowered in a voiced
    frame, which gets the full `noise_cut` from 3 dB more on. Closures and breathy sounds are unchanged."""

    def __post_init__(self) -> None:
        sizes = ("width", "layers", "inner", "n_fft", "subframes", "f0_width")
        require_at_least(self, "model", sizes, 1)
        require_at_most(self, "model", sizes, MOST_SIZE)
        require_odd(self, "model", ("kernel",))
        require(
            -60 <= self.noise_cut_from <= 60,
            "model.noise_cut_from",
            self.noise_cut_from,
            "it must be in -60 to 60 dB",
        )
        require(0 <= self.noise_cut <= 60, "model.noise_cut", self.noise_cut, "it must be in 0 to 60 dB")
        require(
            self.noise_cut_below >= 0,
            "model.noise_cut_below",
            self.noise_cut_below,
            "it must be at least 0 Hz",
        )


@dataclass(frozen=True)
class HifiGanConfig:
    """Sizes of a HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646, table 5); the defaults are V1's.

    The upsampling rates differ from the paper's, whose frame is 256 samples.
    """

    channels: int = 512
    """Channels after the first convolution; halved by each upsampling."""
    upsample_rates: tuple[int, ...] = (10, 5, 3, 2)
    """Factors of the transposed convolutions, whose kernels are twice as long; their product is audio.hop_length."""
    residual_kernels: tuple[int, ...] = (3, 7, 11)
    """Kernels of the residual blocks after an upsampling, whose outputs are averaged; odd."""
    residual_dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """Dilations inside each of these blocks."""
    residual_pairs: bool = True
    """Whether a convolution of dilation 1 follows each dilated one (V1 and V2; not V3)."""
    discriminator_width: int = 32
    """Channels of the discriminators' first layer in training; the others are multiples. The paper's is 32."""

    def __post_init__(self) -> None:
        _check_upsampling(self.upsample_rates, self.channels)
        kernels = self.residual_kernels
        is_odd = all(kernel >= 1 and kernel % 2 == 1 for kernel in kernels)
        require(is_odd, "model.residual_kernels", kernels, "they must be odd and above 0")
        require(
            len(self.residual_dilations) == len(self.residual_kernels) >= 1,
            "model.residual_dilations",
            self.residual_dilations,
            f"there must be one list for each of the {len(self.residual_kernels)} residual_kernels",
        )
        for dilations in self.residual_dilations:
            _check_dilations(dilations, self.residual_dilations)
        _check_discriminator(self.discriminator_width)


@dataclass(frozen=True)
class MelGanConfig:
    """Sizes of a MelGAN (Kumar et al. 2019, https://arxiv.org/abs/1910.06711, section 2), except for the rates."""

    channels: int = 512
    """Channels after the first convolution; halved by each upsampling."""
    upsample_rates: tuple[int, ...] = (10, 5, 3, 2)
    """Factors of the transposed convolutions, whose kernels are twice as long; their product is audio.hop_length."""
    residual_dilations: tuple[int, ...] = (1, 3, 9)
    """Dilations of the residual blocks after an upsampling."""
    discriminator_width: int = 16
    """Channels of the discriminators' first layer in training; the others are multiples. The paper's is 16."""
    mel_weight: float = 0.0
    """Weight of a mel L1 loss in training. The paper has none; HiFi-GAN's is 45."""

    def __post_init__(self) -> None:
        _check_upsampling(self.upsample_rates, self.channels)
        _check_dilations(self.residual_dilations, self.residual_dilations)
        _check_discriminator(self.discriminator_width)
        require(self.mel_weight >= 0, "model.mel_weight", self.mel_weight, "it must be at least 0")


def _check_upsampling(rates: tuple[int, ...], channels: int) -> None:
    require(len(rates) >= 1 and min(rates) >= 2, "model.upsample_rates", rates, "name factors of at least 2")
    parts = 2 ** len(rates)
    require(
        1 <= channels <= MOST_SIZE and channels % parts == 0,
        "model.channels",
        channels,
        f"it must be a multiple of {parts}, for it is halved at each of the {len(rates)} upsample_rates, and at most "
        f"{MOST_SIZE}",
    )


def _check_dilations(dilations: tuple[int, ...], named: object) -> None:
    is_right = len(dilations) >= 1 and min(dilations) >= 1
    require(is_right, "model.residual_dilations", named, "name dilations of at least 1")


def _check_discriminator(width: int) -> None:
    require(
        width >= 4 and width % 4 == 0,
        "model.discriminator_width",
        width,
        "it must be a positive multiple of 4",
    )
