"""Removes channels between two layers so that what the second layer computes changes least on real inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

DAMPING = 1e-4
"""Added to the diagonal of a correlation matrix, as a fraction of its mean: channels that never differ stay apart."""


@dataclass(frozen=True)
class Cut:
    """The second layer's weights for the channels that are left."""

    kept: Tensor
    """Indices of the channels [K], ascending."""
    weight: Tensor
    """[outputs, K]."""
    bias: Tensor
    """[outputs]."""


def correlations(layers: Sequence[nn.Linear], run: Callable[[], None]) -> list[Tensor]:
    """Sums of x x^T [C + 1, C + 1] over all inputs x of each layer while `run` runs, each with a 1 after its C
    channels, for the bias."""
    found: list[Tensor] = [torch.zeros(layer.in_features + 1, layer.in_features + 1) for layer in layers]

    def hook(number: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def add(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows = inputs[0].detach().flatten(0, -2).float()
            rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
            found[number] += rows.t() @ rows

        return add

    hooks = [layer.register_forward_pre_hook(hook(number)) for number, layer in enumerate(layers)]
    try:
        run()
    finally:
        for handle in hooks:
            handle.remove()
    return found


def cut_inputs(layer: nn.Linear, correlation: Tensor, kept: int) -> Cut:
    """Removes all but `kept` input channels of a layer, one by one: each time the one whose loss changes the layer's
    output least, in the squared mean, after the weights of the others and the bias have made up for it.

    Optimal Brain Surgeon (B. Hassibi and D. Stork, NIPS 1992), with a whole channel instead of a single weight.
    """
    channels = layer.in_features
    matrix = correlation.double()
    damping = DAMPING * float(matrix.diagonal()[:channels].mean())
    matrix = matrix + torch.eye(channels + 1, dtype=torch.float64) * max(damping, 1e-12)
    inverse = torch.linalg.inv(matrix)
    weight = torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().double()
    is_left = torch.ones(channels, dtype=torch.bool)
    for _ in range(channels - kept):
        cost = weight[:, :channels].square().sum(0) / inverse.diagonal()[:channels]
        worst = int(cost.masked_fill(~is_left, torch.inf).argmin())
        row = inverse[worst] / inverse[worst, worst]
        weight -= torch.outer(weight[:, worst], row)
        inverse = inverse - torch.outer(inverse[:, worst], row)
        weight[:, worst] = 0.0
        inverse[worst, worst] = 1.0  # its row and column are zero: it takes no part any more
        is_left[worst] = False
    chosen = is_left.nonzero()[:, 0]
    return Cut(chosen, weight[:, chosen].float(), weight[:, channels].float())
