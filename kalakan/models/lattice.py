"""Monotonic alignment of frames with a sequence of states: forward-backward and Viterbi over one lattice.

A state lasts one frame or more and states follow in order; an optional state (a pause) may be skipped. Two optional
states are never adjacent. L. Rabiner, Proc. IEEE 77(2), 1989, sections III.A to III.C, in logarithms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import DataError

Array = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
NEVER = -1e30


def posteriors(
    scores: Array, optional: Flags, frames: NDArray[np.integer[Any]], states: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Probability [B, T, N] of each state at each frame over all alignments, and their log total [B].

    `scores` [B, T, N] are log likelihoods, `optional` [B, N] marks the states that may be skipped, `frames` and
    `states` [B] are the sizes before padding. This is the gradient of the forward-sum loss of Badlani et al. 2021
    (https://arxiv.org/abs/2108.10447, section 2.1).
    """
    batch, size, count = scores.shape
    skip, first, last = _moves(optional, states)
    forward = np.full((size, batch, count), NEVER)
    backward = np.full((size, batch, count), NEVER)
    forward[0] = np.where(first, scores[:, 0], NEVER)
    for t in range(1, size):
        forward[t] = scores[:, t] + _arrive(forward[t - 1], skip)
    for t in range(size - 1, -1, -1):
        ahead = _leave(backward[t + 1] + scores[:, t + 1], skip) if t + 1 < size else backward[t]
        backward[t] = np.where((frames - 1 == t)[:, None], np.where(last, 0.0, NEVER), ahead)
    ends = forward[frames - 1, np.arange(batch)] + np.where(last, 0.0, NEVER)
    total = np.logaddexp.reduce(ends, axis=1)
    inside = np.arange(size)[None, :, None] < frames[:, None, None]
    found = np.exp(np.minimum((forward + backward).transpose(1, 0, 2) - total[:, None, None], 0.0))
    return np.where(inside, found, 0.0).astype(np.float32), total


def best_path(scores: Array, optional: Flags) -> NDArray[np.int64]:
    """Frames of each state [N] on the most likely alignment of `scores` [T, N]; 0 for a skipped optional state.

    Raises `DataError` if there are fewer frames than mandatory states.
    """
    size, count = scores.shape
    needed = int(np.sum(~optional))
    if size < needed:
        raise DataError(
            f"{size} frames cannot hold {needed} sounds; is the transcript that of this recording?"
        )
    skip, first, last = _moves(optional[None], np.array([count]))
    steps = np.zeros((size, count), np.int8)
    best = np.where(first[0], scores[0], NEVER)
    for t in range(1, size):
        choices = np.stack([best, _shift(best, 1), _shift(best, 2) + skip[0]])
        steps[t] = choices.argmax(axis=0)
        best = scores[t] + choices.max(axis=0)
    state = int(np.argmax(np.where(last[0], best, 2 * NEVER)))
    durations = np.zeros(count, np.int64)
    for t in range(size - 1, -1, -1):
        durations[state] += 1
        state -= int(steps[t, state])
    return durations


def _moves(optional: Flags, states: NDArray[np.integer[Any]]) -> tuple[Array, Flags, Flags]:
    """Cost of skipping the previous state [B, N], the initial states, and the final ones."""
    count = optional.shape[1]
    skip = np.full(optional.shape, NEVER)
    skip[:, 2:][optional[:, 1:-1]] = 0.0
    place = np.arange(count)[None]
    first = (place == 0) | ((place == 1) & optional[:, :1])
    rows = np.arange(len(states))
    last = (place == states[:, None] - 1) | (
        (place == states[:, None] - 2) & optional[rows, states - 1][:, None]
    )
    return skip, first, last


def _arrive(before: Array, skip: Array) -> Array:
    total: Array = np.logaddexp(np.logaddexp(before, _shift(before, 1)), _shift(before, 2) + skip)
    return total


def _leave(after: Array, skip: Array) -> Array:
    total: Array = np.logaddexp(np.logaddexp(after, _shift(after, -1)), _shift(after + skip, -2))
    return total


def _shift(values: Array, by: int) -> Array:
    """Values shifted by `by` states along the last axis, filled with `NEVER`."""
    moved = np.full_like(values, NEVER)
    if abs(by) < values.shape[-1]:
        if by > 0:
            moved[..., by:] = values[..., :-by]
        else:
            moved[..., :by] = values[..., -by:]
    return moved
