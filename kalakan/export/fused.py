"""An acoustic model and a vocoder as one module: phonemes to audio."""

from typing import Any, Final

import torch
from torch import Tensor, nn

from kalakan.models.interfaces import takes_f0
from kalakan.models.layers.masking import length_mask


class Fused(nn.Module):
    """Phoneme ids [B, N] to audio [B, T * hop_length], 0 past the end of each sentence.

    The vocoder sees the frames past the end of a shorter sentence, so in a batch of different lengths the last
    `context_frames` of a shorter sentence differ from those it has alone.
    """

    # TorchScript cannot read annotations that are strings, so this file has no __future__ import.
    takes_f0: Final[bool]

    def __init__(self, acoustic_model: nn.Module, vocoder: nn.Module) -> None:
        super().__init__()
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder
        self.takes_f0 = takes_f0(vocoder)
        model: Any = vocoder
        self.sample_rate: int = model.sample_rate
        self.hop_length: int = model.hop_length

    @torch.jit.export
    def inference(
        self,
        phonemes: Tensor,
        lengths: Tensor | None = None,
        speaker: Tensor | None = None,
        speed: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        pitch_range: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Audio [B, S] in [-1, 1] and the acoustic model's outputs; see `AcousticModel.inference`.

        The dict also holds `mel_output` [B, M, T] and `audio_lengths` [B] in samples.
        """
        mel, more = self.acoustic_model.inference(  # type: ignore[operator]
            phonemes, lengths, speaker, speed, pitch, energy, pitch_range
        )
        return self.finish(mel, more)

    @torch.jit.export
    def finish(self, mel: Tensor, more: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The result of `inference`, given the outputs of the acoustic model."""
        f0: Tensor | None = None
        if "pitch" in more:
            f0 = more["pitch"]
        if self.takes_f0:  # noqa: SIM108  (TorchScript leaves out a whole branch, not half an expression)
            audio = self.vocoder.inference(mel, f0)  # type: ignore[operator]
        else:
            audio = self.vocoder.inference(mel)  # type: ignore[operator]
        more["mel_output"] = mel
        more["audio_lengths"] = more["mel_lengths"] * self.hop_length
        kept = length_mask(more["audio_lengths"], audio.shape[1])
        return audio * kept.to(audio.dtype), more

    def forward(self, phonemes: Tensor) -> Tensor:
        """Audio [B, S] of ids with every other input at its default."""
        return self.inference(phonemes, None, None, None, None, None, None)[0]
