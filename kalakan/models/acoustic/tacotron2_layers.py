"""Encoder and postnet of Tacotron 2 (Shen et al. 2018, sections 2.2 and 2.3)."""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import Tacotron2Config
from kalakan.models.layers.masking import length_mask


class ConvNorm(nn.Module):
    """A masked convolution with batch normalization: [B, C, T] and mask [B, 1, T]."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, inputs, T] to [B, outputs, T]."""
        return self.norm(self.conv(x * mask))


class Encoder(nn.Module):
    """Convolutions with ReLU, then a bidirectional LSTM (paper, section 2.2)."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        width = config.encoder_width
        self.dropout = nn.Dropout(config.dropout)
        self.convs = nn.ModuleList(
            [ConvNorm(width, width, config.encoder_kernel) for _ in range(config.encoder_layers)]
        )
        self.lstm = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, N, C] to [B, N, C], 0 past the lengths [B]."""
        size = x.shape[1]
        mask = length_mask(lengths, size).to(x.dtype)[:, None]
        x = x.transpose(1, 2)
        for conv in self.convs:
            x = self.dropout(F.relu(conv(x, mask)))
        packed = nn.utils.rnn.pack_padded_sequence(
            x.transpose(1, 2), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        hidden, _ = self.lstm(packed)
        out, _ = nn.utils.rnn.pad_packed_sequence(hidden, batch_first=True, total_length=size)
        return out


class Postnet(nn.Module):
    """Convolutions with tanh, none after the last, that predict a correction of a whole mel (paper, section 2.3)."""

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        inside = [config.postnet_width] * (config.postnet_layers - 1)
        sizes = [config.n_mels, *inside, config.n_mels]
        self.convs = nn.ModuleList(
            [ConvNorm(a, b, config.postnet_kernel) for a, b in itertools.pairwise(sizes)]
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Normalized mel [B, M, T] to the correction [B, M, T]."""
        x = mel
        last = len(self.convs) - 1
        for index, conv in enumerate(self.convs):
            x = conv(x, mask)
            x = self.dropout(x if index == last else torch.tanh(x))
        return x
