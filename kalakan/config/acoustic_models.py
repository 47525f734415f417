"""Sizes of the acoustic models and of the aligner."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import (
    MOST_SIZE,
    check_speakers,
    require,
    require_at_least,
    require_at_most,
    require_chance,
    require_odd,
)


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
    voicing_width: int = 0
    """Channels of a second voicing classifier that sees only the sounds around a frame; 0: none, as in the paper."""
    voicing_kernel: int = 11
    """Sounds and pauses in its receptive field; odd."""
    steered_rows: int = 0
    """Additional rows after the phoneme table that replace a phoneme for some speakers (`kalakan steer`)."""
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
        parts = ("encoder", "decoder", "predictor")
        sizes = ("encoder_width", "encoder_heads", "encoder_filter", "decoder_filter", "predictor_width")
        counts = ("n_phonemes", "n_mels", *(f"{part}_layers" for part in parts))
        require_at_least(self, "model", (*counts, *sizes), 1)
        require_odd(self, "model", ("voicing_kernel", *(f"{part}_kernel" for part in parts)))
        require_at_least(self, "model", ("voicing_width", "steered_rows"), 0)
        require_at_most(self, "model", (*counts, *sizes, "voicing_width", "steered_rows"), MOST_SIZE)
        require_chance(self, "model", ("dropout", "predictor_dropout"))
        require(
            self.encoder_width % self.encoder_heads == 0,
            "model.encoder_heads",
            self.encoder_heads,
            f"it must divide encoder_width, {self.encoder_width}",
        )
        check_speakers(self.speakers)


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
    """Channels in which query, memory and location are compared."""
    location_filters: int = 32
    """Filters over the cumulative attention weights (Chorowski et al. 2015)."""
    location_kernel: int = 31
    """Their kernel in phonemes; odd."""
    prenet_width: int = 256
    """Channels of the prenet's two layers, which process the previous frame."""
    decoder_width: int = 1024
    """Channels of the two decoder LSTMs."""
    postnet_layers: int = 5
    """Convolutions that refine the whole mel."""
    postnet_width: int = 512
    """Channels inside the postnet."""
    postnet_kernel: int = 5
    """Kernel of the postnet; odd."""
    frames_per_step: int = 1
    """Mel frames per decoder step, the reduction factor; 1 in the paper, and 2 needs half the steps."""
    dropout: float = 0.5
    """Dropout inside encoder and postnet."""
    prenet_dropout: float = 0.5
    """Dropout of the prenet, in training and in inference."""
    zoneout: float = 0.1
    """Zoneout: probability that a decoder LSTM's unit keeps its state (Krueger et al. 2017)."""
    window_back: int = 3
    """Inference: phonemes before the last attended one that may be attended to next."""
    window_ahead: int = 6
    """Inference: phonemes after it; tone units count."""
    stop_threshold: float = 0.5
    """Inference: probability of the stop token that ends a sentence."""
    max_frames_per_phoneme: int = 24
    """Inference: a sentence of N ids is cut off after (N + 4) times as many frames."""

    def __post_init__(self) -> None:
        widths = ("encoder_width", "attention_width", "prenet_width", "decoder_width", "postnet_width")
        counts = ("encoder_layers", "location_filters", "frames_per_step", "window_ahead")
        sizes = ("n_phonemes", "n_mels", *widths, *counts, "max_frames_per_phoneme")
        require_at_least(self, "model", sizes, 1)
        require_at_most(self, "model", (*sizes, "postnet_layers", "window_back"), MOST_SIZE)
        require_odd(self, "model", ("encoder_kernel", "location_kernel", "postnet_kernel"))
        require_chance(self, "model", ("dropout", "prenet_dropout", "zoneout"))
        require_at_least(self, "model", ("postnet_layers",), 2)
        require_at_least(self, "model", ("window_back",), 0)
        require(self.encoder_width % 2 == 0, "model.encoder_width", self.encoder_width, "it must be even")
        require(
            0 < self.stop_threshold < 1, "model.stop_threshold", self.stop_threshold, "it must lie in (0, 1)"
        )
        check_speakers(self.speakers)


@dataclass(frozen=True)
class RecognizerConfig:
    """Sizes of the phone recognizer."""

    n_phonemes: int = 96
    """Rows of the phoneme table; row 0 is CTC's blank."""
    n_mels: int = 80
    """Mel bands of the input."""
    width: int = 192
    """Channels of the convolutions."""
    inner: int = 384
    """Channels inside a block."""
    layers: int = 3
    """ConvNeXt blocks."""
    kernel: int = 7
    """Kernel of a block over time, in pairs of frames; odd."""
    recurrent_width: int = 160
    """Channels of the recurrent layer in each direction."""
    dropout: float = 0.2
    """Dropout before and after the recurrent layer."""

    def __post_init__(self) -> None:
        sizes = ("n_phonemes", "n_mels", "width", "inner", "layers", "recurrent_width")
        require_at_least(self, "model", sizes, 1)
        require_at_most(self, "model", sizes, MOST_SIZE)
        require_odd(self, "model", ("kernel",))
        require_chance(self, "model", ("dropout",))


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
    """Kernel of a block over time; odd. Its receptive field is short, or boundaries would blur."""

    def __post_init__(self) -> None:
        sizes = ("n_phonemes", "n_mels", "width", "inner", "layers")
        require_at_least(self, "model", sizes, 1)
        require_at_most(self, "model", sizes, MOST_SIZE)
        require_odd(self, "model", ("kernel",))
