"""The phone recognizer: log-mel to the sounds of a recording, by connectionist temporal classification.

CTC: A. Graves et al., ICML 2006. Convolutions over pairs of frames, then one bidirectional recurrent layer. It
recognizes phones, not words: no language model corrects its output, so that errors of a voice are not hidden.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kalakan.config.schema import RecognizerConfig
from kalakan.models.layers.blocks import ConvNextBlock, MaskedConv1d
from kalakan.models.layers.masking import length_mask

BLANK = 0
"""CTC's blank: the row of the phoneme table that no sound uses."""
STRIDE = 2
"""Mel frames of one output frame."""
DEPTH = 7.0
"""Range below the loudest value of an utterance (ln of magnitude, 61 dB); quieter values are raised to it."""


class Recognizer(nn.Module):
    """Log-mel to log probabilities of the sounds: phoneme ids, and `BLANK`."""

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        self.entry = MaskedConv1d(STRIDE * config.n_mels, config.width, 5)
        self.blocks = nn.ModuleList(
            ConvNextBlock(config.width, config.inner, config.kernel) for _ in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = nn.GRU(config.width, config.recurrent_width, batch_first=True, bidirectional=True)
        self.exit = nn.Linear(2 * config.recurrent_width, config.n_phonemes)

    def forward(self, mel: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities [B, U, P] of a log-mel [B, M, T] with `frames` [B], and their lengths [B] in frames of
        `STRIDE` mel frames. Every utterance is normalized by itself: neither level nor microphone matters."""
        x = _normalized(mel, length_mask(frames, mel.shape[2])[:, None].to(mel.dtype))
        x = F.pad(x, (0, -x.shape[2] % STRIDE)).transpose(1, 2)  # [B, T, M]
        x = x.reshape(len(x), -1, STRIDE * self.config.n_mels)
        lengths = torch.div(frames + STRIDE - 1, STRIDE, rounding_mode="floor")
        mask = length_mask(lengths, x.shape[1])[:, :, None].to(x.dtype)
        x = F.gelu(self.entry(x, mask))
        for block in self.blocks:
            x = block(x, mask)
        packed = pack_padded_sequence(self.dropout(x), lengths.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1])
        return F.log_softmax(self.exit(self.dropout(x)), dim=2), lengths


def best_sounds(logs: Tensor, lengths: Tensor) -> list[list[int]]:
    """Ids of the most likely sounds of each utterance, from log probabilities [B, U, P] and lengths [B]."""
    found = []
    for best, length in zip(logs.argmax(dim=2).cpu(), lengths.tolist(), strict=True):
        heard = torch.unique_consecutive(best[:length]).tolist()
        found.append([row for row in heard if row != BLANK])
    return found


def _normalized(mel: Tensor, mask: Tensor) -> Tensor:
    """A log-mel [B, M, T] without the mean of each band, in units of its deviation; 0 where `mask` [B, 1, T] is."""
    peak = mel.masked_fill(mask == 0, -torch.inf).amax(dim=(1, 2), keepdim=True)
    x = torch.maximum(mel, peak - DEPTH)
    count = mask.sum(dim=2, keepdim=True)
    x = (x - (x * mask).sum(dim=2, keepdim=True) / count) * mask
    spread = (x.square().sum(dim=(1, 2), keepdim=True) / (count * mel.shape[1])).sqrt()
    return x / (spread + 1e-3)
