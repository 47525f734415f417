"""Learning-rate schedule and moving average of the weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kalakan.config.schema import TrainingConfig


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Warm-up, plateau, linear decay to zero: the rate of optimizer step `step`, counted from 0."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    tail = config.decay_fraction * config.max_steps
    left = config.max_steps - step
    return config.learning_rate * warm * (min(1.0, left / tail) if tail else 1.0)


class MovingAverage:
    """Exponential moving average of the modules that the product is made of, warmed up so that the first steps do not
    linger. A discriminator is needed for training alone: `modules` has it as it is."""

    def __init__(self, modules: nn.ModuleDict, averaged: Sequence[str], decay: float) -> None:
        copies = {name: copy.deepcopy(modules[name]).eval().requires_grad_(False) for name in averaged}
        self.averaged = nn.ModuleDict(copies)
        self.modules = nn.ModuleDict({name: copies.get(name, module) for name, module in modules.items()})
        self.decay = decay

    @torch.no_grad()
    def update(self, modules: nn.ModuleDict, step: int) -> None:
        """Moves the average towards the weights of optimizer step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        weights = modules.state_dict()
        for name, average in self.averaged.state_dict().items():
            if average.dtype.is_floating_point:
                average.lerp_(weights[name], 1.0 - decay)
            else:
                average.copy_(weights[name])

    def state(self) -> dict[str, Tensor]:
        """The averages by name of module and tensor."""
        return self.averaged.state_dict()

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Takes what `state` returned, or an older checkpoint's, which has averages of the other modules too."""
        own = {name: value for name, value in state.items() if name.split(".")[0] in self.averaged}
        self.averaged.load_state_dict(own)
