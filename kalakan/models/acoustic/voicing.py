"""Voicing of a frame, predicted from the sounds around it alone.

A predictor on the encoder's hidden states sees the whole sentence, and on a corpus of a few hours it overfits to the
sentences. Where voicing starts and stops is a local decision: it depends on the neighboring sounds and
on their durations. A model with no more input than that has little to overfit to.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.models.layers.blocks import MaskedConv1d
from kalakan.models.layers.masking import frame_distances, gather_frames, move_together, position_between
from kalakan.models.layers.speakers import by_speaker

SOUND_WIDTH = 16
"""Channels of a sound's and of a speaker's embedding."""
PLACES = 7
"""Number of position features of a frame inside its sound."""


class LocalVoicing(nn.Module):
    """Sounds, their durations and a frame's position in its sound to a voicing logit."""

    def __init__(self, n_phonemes: int, speakers: int, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_phonemes, SOUND_WIDTH)
        self.speaker_embedding = nn.Embedding(speakers, SOUND_WIDTH)
        self.neighbors = MaskedConv1d(2 * SOUND_WIDTH + 1, width, kernel)
        self.place_in = nn.Linear(PLACES, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, 1)

    def forward(
        self, phonemes: Tensor, durations: Tensor, owners: Tensor, speaker: Tensor, is_sound: Tensor
    ) -> Tensor:
        """Logits [B, T] of ids [B, N] that last `durations` [B, N] frames; owners [B, T] of each frame, speaker [B] or
        weights of speakers [B, S].

        `is_sound` [B, N] is false for padding and tone units: neighbors are the nearest sounds and pauses, so that
        a sentence with tone units has the same input as without.
        """
        voice = by_speaker(self.speaker_embedding.weight, speaker)[:, None].expand(-1, phonemes.shape[1], -1)
        lengths = torch.log1p(durations.to(voice.dtype))[:, :, None]
        sounds = torch.cat([self.embedding(phonemes), voice, lengths], dim=2)
        together, ranks = move_together(sounds, is_sound)
        around = self.neighbors(together, torch.ones_like(lengths))
        own = gather_frames(around, torch.gather(ranks, 1, owners))
        x = own + self.place_in(places(durations, owners).to(own.dtype))
        for layer in self.hidden:
            x = layer(self.dropout(F.relu(x)))
        return self.out(F.relu(x)).squeeze(2)


def places(durations: Tensor, owners: Tensor) -> Tensor:
    """Position of each frame in its sound [B, T, 7]: fine near the sound's ends, coarse far from them."""
    distance = frame_distances(durations, owners).to(torch.float32)  # [B, T, 2]
    share = position_between(distance)[:, :, None]
    return torch.cat([share, torch.log1p(distance), torch.exp(-distance), 1.0 / (1.0 + distance)], dim=2)


def is_voiced(logits: Tensor) -> Tensor:
    """Whether a frame is voiced [B, T], from the combined logits [B, T, J] of all classifiers."""
    return logits.sum(2) > 0
