"""Sizes of the models: one frozen dataclass a model class, named and defaulted as in its paper."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import require


@dataclass(frozen=True)
class FastSpeech2Config:
    """Sizes of a FastSpeech2 (Ren et al. 2021, https://arxiv.org/abs/2006.04558); defaults are the paper's."""

    n_phonemes: int = 96
    """Rows of the phoneme table."""
    n_mels: int = 80
    """Mel bands of the output."""
    speakers: tuple[str, ...] = ("speaker",)
    """Speaker names in the order of their embedding rows."""
    encoder_layers: int = 4
    """Feed-forward Transformer blocks before the variance adaptor."""
    encoder_width: int = 256
    """Channels of the encoder."""
    encoder_heads: int = 2
    """Attention heads of each Transformer block."""
    encoder_filter: int = 1024
    """Channels inside a block's two convolutions."""
    encoder_kernel: int = 9
    """Kernel of a block's first convolution; odd."""
    decoder_block: str = "transformer"
    """"transformer" as in the paper, or "convnext" (Liu et al. 2022) for small machines."""
    decoder_layers: int = 4
    """Blocks after the variance adaptor."""
    decoder_filter: int = 1024
    """Channels inside a decoder block."""
    decoder_kernel: int = 9
    """Kernel of a decoder block's first (in "convnext": depthwise) convolution; odd."""
    predictor_layers: int = 2
    """Convolutions in each of the duration, pitch and energy predictors."""
    predictor_width: int = 256
    """Channels of a predictor."""
    predictor_kernel: int = 3
    """Kernel of a predictor; odd."""
    dropout: float = 0.1
    """Dropout inside blocks."""
    predictor_dropout: float = 0.5
    """Dropout inside predictors."""

    def __post_init__(self) -> None:
        require(
            self.decoder_block in ("transformer", "convnext"),
            "model.decoder_block",
            self.decoder_block,
            "choose 'transformer' or 'convnext'",
        )
        for name in ("encoder_kernel", "decoder_kernel", "predictor_kernel"):
            require(getattr(self, name) % 2 == 1, f"model.{name}", getattr(self, name), "it must be odd")
        require(
            self.encoder_width % self.encoder_heads == 0,
            "model.encoder_heads",
            self.encoder_heads,
            f"it must divide encoder_width, {self.encoder_width}",
        )
        _check_speakers(self.speakers)


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
    """Channels of the head that hears F0 where none is given."""
    noise_cut: float = 9.0
    """Decibels by which noise is lowered in voiced frames when speaking, its power given to the pulses. What the
    network cannot foresee of a voice's pulses it learns as noise, which sounds hoarse. Training does not use it."""
    noise_cut_below: float = 4000.0
    """Frequency in Hz below which noise is lowered; fades out over 500 Hz on each side."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "inner", "n_fft", "subframes", "f0_width"):
            require(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "it must be at least 1")
        require(self.kernel % 2 == 1, "model.kernel", self.kernel, "it must be odd")
        require(0 <= self.noise_cut <= 60, "model.noise_cut", self.noise_cut, "it must be in 0 to 60 dB")
        require(
            self.noise_cut_below >= 0,
            "model.noise_cut_below",
            self.noise_cut_below,
            "it must be at least 0 Hz",
        )


@dataclass(frozen=True)
class Tacotron2Config:
    """Sizes of a Tacotron 2 (Shen et al. 2018, https://arxiv.org/abs/1712.05884, section 2.3); the paper's."""

    n_phonemes: int = 96
    """Rows of the phoneme table."""
    n_mels: int = 80
    """Mel bands of the output."""
    speakers: tuple[str, ...] = ("speaker",)
    """Speaker names in the order of their embedding rows; one speaker has no embedding, as in the paper."""
    encoder_width: int = 512
    """Channels of the embedding and the encoder; even."""
    encoder_layers: int = 3
    """Convolutions before the bidirectional LSTM."""
    encoder_kernel: int = 5
    """Kernel of these convolutions; odd."""
    attention_width: int = 128
    """Channels that query, memory and location are compared in."""
    location_filters: int = 32
    """Filters over the cumulative attention weights (Chorowski et al. 2015)."""
    location_kernel: int = 31
    """Their kernel in phonemes; odd."""
    prenet_width: int = 256
    """Channels of the two layers that the previous frame passes."""
    decoder_width: int = 1024
    """Channels of the two decoder LSTMs."""
    postnet_layers: int = 5
    """Convolutions that refine the whole mel."""
    postnet_width: int = 512
    """Channels inside the postnet."""
    postnet_kernel: int = 5
    """Kernel of the postnet; odd."""
    frames_per_step: int = 1
    """Mel frames of one decoder step, the reduction factor; the paper's is 1, and 2 takes half the steps."""
    dropout: float = 0.5
    """Dropout inside encoder and postnet."""
    prenet_dropout: float = 0.5
    """Dropout of the prenet, in training and in inference."""
    zoneout: float = 0.1
    """Chance that a decoder LSTM's unit keeps its state (Krueger et al. 2017)."""
    window_back: int = 3
    """Inference: phonemes before the one attended to last that may be attended to next."""
    window_ahead: int = 6
    """Inference: phonemes after it; tone units count."""
    stop_threshold: float = 0.5
    """Inference: probability of the stop token that ends a sentence."""
    max_frames_per_phoneme: int = 24
    """Inference: a sentence of N ids is cut after (N + 4) times as many frames."""

    def __post_init__(self) -> None:
        widths = ("encoder_width", "attention_width", "prenet_width", "decoder_width", "postnet_width")
        counts = ("encoder_layers", "location_filters", "frames_per_step", "window_ahead")
        for name in (*widths, *counts, "max_frames_per_phoneme"):
            require(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "it must be at least 1")
        for name in ("encoder_kernel", "location_kernel", "postnet_kernel"):
            require(getattr(self, name) % 2 == 1, f"model.{name}", getattr(self, name), "it must be odd")
        for name in ("dropout", "prenet_dropout", "zoneout"):
            require(
                0 <= getattr(self, name) < 1, f"model.{name}", getattr(self, name), "it must lie in [0, 1)"
            )
        require(self.encoder_width % 2 == 0, "model.encoder_width", self.encoder_width, "it must be even")
        require(
            self.postnet_layers >= 2, "model.postnet_layers", self.postnet_layers, "it must be at least 2"
        )
        require(self.window_back >= 0, "model.window_back", self.window_back, "it must be at least 0")
        require(
            0 < self.stop_threshold < 1, "model.stop_threshold", self.stop_threshold, "it must lie in (0, 1)"
        )
        _check_speakers(self.speakers)


@dataclass(frozen=True)
class HifiGanConfig:
    """Sizes of a HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646, table 5); the defaults are V1's.

    The rates are not the paper's, whose frame is 256 samples.
    """

    channels: int = 512
    """Channels after the first convolution; halved by each upsampling."""
    upsample_rates: tuple[int, ...] = (10, 5, 3, 2)
    """Factors of the transposed convolutions, whose kernels are twice as long; they multiply to audio.hop_length."""
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
        for kernel in self.residual_kernels:
            require(kernel % 2 == 1, "model.residual_kernels", self.residual_kernels, "they must be odd")
        require(
            len(self.residual_dilations) == len(self.residual_kernels) >= 1,
            "model.residual_dilations",
            self.residual_dilations,
            f"there must be one list for each of the {len(self.residual_kernels)} residual_kernels",
        )
        _check_discriminator(self.discriminator_width)


@dataclass(frozen=True)
class MelGanConfig:
    """Sizes of a MelGAN (Kumar et al. 2019, https://arxiv.org/abs/1910.06711, section 2); the paper's but the rates."""

    channels: int = 512
    """Channels after the first convolution; halved by each upsampling."""
    upsample_rates: tuple[int, ...] = (10, 5, 3, 2)
    """Factors of the transposed convolutions, whose kernels are twice as long; they multiply to audio.hop_length."""
    residual_dilations: tuple[int, ...] = (1, 3, 9)
    """Dilations of the residual blocks after an upsampling."""
    discriminator_width: int = 16
    """Channels of the discriminators' first layer in training; the others are multiples. The paper's is 16."""
    mel_weight: float = 0.0
    """Weight of a mel L1 loss in training. The paper has none; HiFi-GAN's is 45."""

    def __post_init__(self) -> None:
        _check_upsampling(self.upsample_rates, self.channels)
        _check_discriminator(self.discriminator_width)
        require(self.mel_weight >= 0, "model.mel_weight", self.mel_weight, "it must be at least 0")


def _check_speakers(speakers: tuple[str, ...]) -> None:
    require(len(speakers) >= 1, "model.speakers", speakers, "name at least one speaker")
    require(len(set(speakers)) == len(speakers), "model.speakers", speakers, "names must differ")


def _check_upsampling(rates: tuple[int, ...], channels: int) -> None:
    require(len(rates) >= 1 and min(rates) >= 2, "model.upsample_rates", rates, "name factors of at least 2")
    parts = 2 ** len(rates)
    require(
        channels >= 1 and channels % parts == 0,
        "model.channels",
        channels,
        f"it must be a multiple of {parts}, for it is halved at each of the {len(rates)} upsample_rates",
    )


def _check_discriminator(width: int) -> None:
    require(
        width >= 4 and width % 4 == 0,
        "model.discriminator_width",
        width,
        "it must be a positive multiple of 4",
    )


@dataclass(frozen=True)
class AlignerConfig:
    """Sizes of the aligner."""

    n_phonemes: int = 96
    """Rows of the phoneme table; row 0 is silence."""
    n_mels: int = 80
    """Mel bands of the input."""
    width: int = 128
    """Channels."""
    inner: int = 256
    """Channels inside a block."""
    layers: int = 4
    """ConvNeXt blocks."""
    kernel: int = 3
    """Kernel of a block over time; odd. Few frames are seen, or boundaries would blur."""

    def __post_init__(self) -> None:
        for name in ("n_phonemes", "n_mels", "width", "inner", "layers"):
            require(getattr(self, name) >= 1, f"model.{name}", getattr(self, name), "it must be at least 1")
        require(self.kernel % 2 == 1, "model.kernel", self.kernel, "it must be odd")


ModelConfig = (
    FastSpeech2Config | Tacotron2Config | HarmonicNoiseConfig | HifiGanConfig | MelGanConfig | AlignerConfig
)
MODEL_CONFIGS: tuple[type[ModelConfig], ...] = (
    FastSpeech2Config,
    Tacotron2Config,
    HarmonicNoiseConfig,
    HifiGanConfig,
    MelGanConfig,
    AlignerConfig,
)
"""What `Settings.model` may be."""
