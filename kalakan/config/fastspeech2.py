"""Sizes of FastSpeech2."""

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
    """Channels of a second judge of voicing that sees only the sounds around a frame; 0 for none, as in the paper."""
    voicing_kernel: int = 11
    """Sounds and pauses that it sees; odd."""
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
        require_at_least(self, "model", ("voicing_width",), 0)
        require_at_most(self, "model", (*counts, *sizes, "voicing_width"), MOST_SIZE)
        require_chance(self, "model", ("dropout", "predictor_dropout"))
        require(
            self.encoder_width % self.encoder_heads == 0,
            "model.encoder_heads",
            self.encoder_heads,
            f"it must divide encoder_width, {self.encoder_width}",
        )
        check_speakers(self.speakers)
