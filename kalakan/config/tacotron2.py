"""Sizes of Tacotron 2."""

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
