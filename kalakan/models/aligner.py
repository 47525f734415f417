"""The aligner: classifies each frame of a recording by sound, so that its transcript can be aligned with it.

Gaussians over cepstra come first (`kalakan.training.tasks.flat_start`). A small convolutional classifier is trained
on their alignments and then from its own, by the forward-sum loss of Badlani et al. 2021
(https://arxiv.org/abs/2108.10447, section 2.1) without CTC's blank: silence is a class of its own. Frames are scored
by posterior over prior, as in hybrid recognizers (H. Bourlard and N. Morgan, Connectionist Speech Recognition, 1994,
section 7.3), which keeps silence from absorbing frames of sounds.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.config.schema import AlignerConfig
from kalakan.models.layers.blocks import ConvNextBlock, MaskedConv1d
from kalakan.models.layers.cepstra import FEATURES, cepstra, gaussian_scores

PRIOR_SCALE = 0.5
"""Exponent of the prior."""
PRIOR_DECAY = 0.95
"""Decay of the running prior at each step."""
LEAST_PRIOR = 1e-4
GAUSSIAN_SCALE = 0.3
"""Weight of the Gaussians' log likelihood: their features are correlated, so they are overconfident."""


class Aligner(nn.Module):
    """Log-mel to log posteriors of the classes: phoneme ids, and 0 for silence."""

    mel_mean: Tensor
    mel_std: Tensor
    prior: Tensor
    means: Tensor
    variances: Tensor

    def __init__(self, config: AlignerConfig) -> None:
        super().__init__()
        self.config = config
        self.entry = MaskedConv1d(config.n_mels, config.width, 5)
        self.blocks = nn.ModuleList(
            ConvNextBlock(config.width, config.inner, config.kernel) for _ in range(config.layers)
        )
        self.exit = nn.Linear(config.width, config.n_phonemes)
        self.register_buffer("mel_mean", torch.zeros(config.n_mels))
        self.register_buffer("mel_std", torch.ones(config.n_mels))
        self.register_buffer("prior", torch.full((config.n_phonemes,), 1.0 / config.n_phonemes))
        self.register_buffer("means", torch.zeros(config.n_phonemes, FEATURES))
        self.register_buffer("variances", torch.ones(config.n_phonemes, FEATURES))

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Log posteriors [B, T, P] of the classes at each frame of a log-mel [B, M, T]; `mask` [B, T] is 0 or 1."""
        spread = mask[:, :, None]
        x = self.entry((mel.transpose(1, 2) - self.mel_mean) / self.mel_std, spread)
        for block in self.blocks:
            x = block(x, spread)
        return F.log_softmax(self.exit(x), dim=2)

    @torch.no_grad()
    def count(self, posteriors: Tensor, mask: Tensor) -> None:
        """Moves the running prior towards the mean of a batch's log posteriors [B, T, P] where `mask` [B, T] is 1."""
        mean = (posteriors.float().exp() * mask[:, :, None]).sum(dim=(0, 1)) / mask.sum()
        self.prior.mul_(PRIOR_DECAY).add_((1.0 - PRIOR_DECAY) * mean).clamp_(min=LEAST_PRIOR)

    @torch.no_grad()
    def state_scores(
        self, posteriors: Tensor, mel: NDArray[np.float32], ids: NDArray[np.int64], blend: float
    ) -> NDArray[np.float64]:
        """Log likelihoods [T, N], up to a constant, of the states `ids` [N] of one utterance.

        Its log posteriors [T, P] and log-mel [M, T] are scored by the classifier and, with weight `blend` in [0, 1],
        by the Gaussians; at 0 and at 1 only one of the two is used.
        """
        heard = (posteriors.float() - PRIOR_SCALE * self.prior.log()).cpu().numpy().astype(np.float64)[:, ids]
        if not blend:
            return heard
        means, variances = (part.cpu().numpy().astype(np.float64) for part in (self.means, self.variances))
        scores: NDArray[np.float64] = (1.0 - blend) * heard + blend * GAUSSIAN_SCALE * gaussian_scores(
            cepstra(mel), means, variances, ids
        )
        return scores
