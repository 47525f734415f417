"""Learning-rate schedule and moving average of the weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from kalakan.config.schema import TrainingConfig


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Warm-up, plateau, linear decay to zero: the rate of optimizer step `step`, counted from 0."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    tail = config.decay_fraction * config.max_steps
    left = config.max_steps - step
    return config.learning_rate * warm * (min(1.0, left / tail) if tail else 1.0)


class MovingAverage:
    """Exponential moving average of modules, warmed up so that the first steps do not linger."""

    def __init__(self, modules: nn.ModuleDict, decay: float) -> None:
        self.modules = copy.deepcopy(modules).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, modules: nn.ModuleDict, step: int) -> None:
        """Moves the average towards the weights of optimizer step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = self.modules.state_dict()
        for name, value in modules.state_dict().items():
            if value.dtype.is_floating_point:
                averages[name].lerp_(value, 1.0 - decay)
            else:
                averages[name].copy_(value)
