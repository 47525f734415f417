"""The decoder of Tacotron 2: one step from the last frame, the memory of the sentence and the attention so far."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import Tacotron2Config
from kalakan.models.vocoders.source_filter import noise_table


class LocationSensitiveAttention(nn.Module):
    """Location-sensitive additive attention over the cumulative attention weights, as in Tacotron 2."""

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
        [B, N] is true where the weight must be 0.
        """
        place = self.location(self.location_conv(cumulative[:, None]).transpose(1, 2))  # [B, N, A]
        energies = self.energy(torch.tanh(self.query(query)[:, None] + keys + place + self.bias)).squeeze(2)
        return torch.softmax(energies.float().masked_fill(blocked, -1e4), dim=1)


STRIDE = 521
"""Offset in the noise table between the dropout of two steps: prime, so that masks repeat after 65,536 steps."""


class State(NamedTuple):
    """Recurrent state passed from one step to the next."""

    hidden: tuple[Tensor, Tensor]
    """Output [B, D] of each LSTM."""
    cell: tuple[Tensor, Tensor]
    """Cell [B, D] of each LSTM."""
    context: Tensor
    """Context vector [B, E]."""
    weights: Tensor
    """Attention weights [B, N] of the last step."""
    cumulative: Tensor
    """Sum of the attention weights [B, N] of all steps."""


class Prenet(nn.Module):
    """Two layers with ReLU and dropout, which stays on after training (Shen et al. 2018, section 2.2).

    In training it is random. After training it is read from a table by the number of the step, the same for every
    sentence, so that output is deterministic and a sentence in a batch equals the sentence alone.
    """

    noise: Tensor

    def __init__(self, n_mels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
        self.stride = STRIDE
        self.first = nn.Linear(n_mels, width)
        self.second = nn.Linear(width, width)
        uniform = noise_table() / (2.0 * math.sqrt(3.0)) + 0.5
        self.register_buffer("noise", uniform, persistent=False)

    def forward(self, frames: Tensor, first_step: int) -> Tensor:
        """Frames [B, K, M] of steps from `first_step` on to [B, K, width]."""
        x = self.drop(F.relu(self.first(frames)), first_step, 0)
        return self.drop(F.relu(self.second(x)), first_step, 1)

    def drop(self, x: Tensor, first_step: int, layer: int) -> Tensor:
        """Dropout of [B, K, width]."""
        if self.training:
            return F.dropout(x, self.dropout, True)
        steps = torch.arange(first_step, first_step + x.shape[1], device=x.device)[:, None]
        units = torch.arange(self.width, device=x.device)[None, :] + layer * self.width
        kept = self.noise[(steps * self.stride + units) % self.noise.shape[0]] >= self.dropout
        return x * kept.to(x.dtype) / (1.0 - self.dropout)


class Decoder(nn.Module):
    """Prenet, two LSTMs with zoneout, attention between them, and projections to mel frames and the stop token.

    Shen et al. 2018, section 2.3. The paper does not say which LSTM provides the attention query: here the first
    does, and the second gets the context.
    """

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        memory, width = config.encoder_width, config.decoder_width
        self.width = width
        self.zoneout_rate = config.zoneout
        self.prenet = Prenet(config.n_mels, config.prenet_width, config.prenet_dropout)
        self.attention = LocationSensitiveAttention(
            width, memory, config.attention_width, config.location_filters, config.location_kernel
        )
        self.first = nn.LSTMCell(config.prenet_width + memory, width)
        self.second = nn.LSTMCell(width + memory, width)
        self.mel = nn.Linear(width + memory, config.n_mels * config.frames_per_step)
        self.stop = nn.Linear(width + memory, 1)

    def start(self, memory: Tensor) -> State:
        """The state before the first step for a memory [B, N, E]."""
        still = torch.zeros(memory.shape[0], self.width, device=memory.device, dtype=memory.dtype)
        unseen = torch.zeros(memory.shape[0], memory.shape[1], device=memory.device)
        return State((still, still), (still, still), torch.zeros_like(memory[:, 0]), unseen, unseen)

    def forward(
        self, frame: Tensor, state: State, memory: Tensor, keys: Tensor, blocked: Tensor
    ) -> tuple[Tensor, Tensor, State]:
        """Normalized mel [B, r * M], stop logit [B] and the new state.

        `frame` [B, P] is the prenet's output, `memory` [B, N, E], `keys` [B, N, A] the attention's, `blocked` (bool)
        [B, N].
        """
        hidden, cell = self.first(torch.cat([frame, state.context], dim=1), (state.hidden[0], state.cell[0]))
        hidden, cell = self.zoneout(hidden, state.hidden[0]), self.zoneout(cell, state.cell[0])
        weights = self.attention(hidden, keys, state.cumulative, blocked)
        context = torch.bmm(weights[:, None].to(memory.dtype), memory).squeeze(1)
        second, second_cell = self.second(
            torch.cat([hidden, context], dim=1), (state.hidden[1], state.cell[1])
        )
        second = self.zoneout(second, state.hidden[1])
        second_cell = self.zoneout(second_cell, state.cell[1])
        heard = torch.cat([second, context], dim=1)
        after = State((hidden, second), (cell, second_cell), context, weights, state.cumulative + weights)
        return self.mel(heard), self.stop(heard).squeeze(1), after

    def zoneout(self, value: Tensor, before: Tensor) -> Tensor:
        """Zoneout: units keep their state at random in training, a fraction at inference (Krueger et al. 2017)."""
        if self.training:
            kept = torch.rand_like(value) < self.zoneout_rate
            return torch.where(kept, before.to(value.dtype), value)
        return before * self.zoneout_rate + value * (1.0 - self.zoneout_rate)
