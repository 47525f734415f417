"""Rounds weights so that the products with real activations change least, not the weights themselves.

Column by column, the error of rounding one input's weight is compensated by the weights that are not rounded yet, as
far as the inputs occur together: E. Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative
Pre-trained Transformers" (ICLR 2023, https://arxiv.org/abs/2210.17323), section 3.3, in the order of section 4
("act-order").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DAMPING = 0.01
"""Added to the diagonal of the moments, as a share of its mean (section 3.3, step 3)."""


def round_to(
    weight: NDArray[np.float32], scales: NDArray[np.float32], most: int, moments: NDArray[np.float64] | None
) -> NDArray[np.int8]:
    """Integers [O, D] in -`most` to `most` that times `scales` [O, 1] stand for `weight` [O, D].

    `moments` [D, D] are the sum of x xᵀ over the inputs x of the product; without them, or if all inputs were zero,
    each weight is rounded to the nearest. Weights that are integers times scales already stay so.
    """
    nearest = np.clip(np.round(weight / scales), -most, most).astype(np.int8)
    if moments is None or not np.trace(moments) > 0.0:
        return nearest
    moments = moments / np.mean(np.diag(moments))
    order = np.argsort(-np.diag(moments), kind="stable")
    damped = moments[np.ix_(order, order)] + DAMPING * np.eye(len(moments))
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T  # upper, inverse = spreadᵀ spread
    left = (weight / scales).astype(np.float64)[:, order]  # in steps
    found = np.empty_like(left)
    for place in range(left.shape[1]):
        found[:, place] = np.clip(np.round(left[:, place]), -most, most)
        error = (left[:, place] - found[:, place]) / spread[place, place]
        left[:, place + 1 :] -= np.outer(error, spread[place, place + 1 :])
    result = np.empty_like(nearest)
    result[:, order] = found.astype(np.int8)
    return result
