"""Location-sensitive attention (Chorowski et al. 2015, https://arxiv.org/abs/1506.07503, section 2.2)."""

import torch
from torch import Tensor, nn


class LocationSensitiveAttention(nn.Module):
    """Additive attention that also hears where it has looked so far: the cumulative weights, as in Tacotron 2."""

    def __init__(self, query: int, memory: int, width: int, filters: int, kernel: int) -> None:
        super().__init__()
        self.query = nn.Linear(query, width, bias=False)
        self.key = nn.Linear(memory, width, bias=False)
        self.location_conv = nn.Conv1d(1, filters, kernel, padding=kernel // 2, bias=False)
        self.location = nn.Linear(filters, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))
        self.energy = nn.Linear(width, 1, bias=False)

    def forward(self, query: Tensor, keys: Tensor, cumulative: Tensor, blocked: Tensor) -> Tensor:
        """Weights [B, N] of a query [B, Q], which sum to 1 (equation 8).

        `keys` [B, N, A] is `key` of the memory, `cumulative` [B, N] the sum of the weights so far, `blocked` (bool)
        [B, N] is true where no weight may go.
        """
        place = self.location(self.location_conv(cumulative[:, None]).transpose(1, 2))  # [B, N, A]
        energies = self.energy(torch.tanh(self.query(query)[:, None] + keys + place + self.bias)).squeeze(2)
        return torch.softmax(energies.float().masked_fill(blocked, -1e4), dim=1)
