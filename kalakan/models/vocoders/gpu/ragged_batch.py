"""Batches of log-mels of different lengths; each row has the same samples as if it ran alone.

A generator pads each of its convolutions with zeros. Past the end of a padded mel, the layers hold nonzero values, so
its last frames would sound different. They are generated again, in a window that ends where the mel does: twice
`context_frames` long, whose second half has its full context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

Generate = Callable[[Tensor], Tensor]
"""Log-mel [B, M, T] to waveform [B, T * hop_length]."""
FRAMES_A_PASS = 8192
"""Most frames of a batch, padding included. This saturates a GPU; HiFi-GAN V1 in fp16 then needs a few times 160 MB."""


def end_window(mel: Tensor, context: int) -> Tensor:
    """The frames [B, M, 2 * context] that the end is generated from; `mel` must be at least that long."""
    return mel[:, :, mel.size(2) - 2 * context :]


def with_end(start: Tensor, end: Tensor, samples: int) -> Tensor:
    """Waveform [samples] from the output [S] for the padded mel and the second half of that for `end_window`."""
    half = end.size(0) // 2
    return torch.cat([start[: samples - half], end[half:]])


def generate_passes(
    generate: Generate, mels: Sequence[Tensor], context: int
) -> Iterator[tuple[list[int], list[Tensor]]]:
    """Passes over log-mels [1, M, T_i]: the rows of each pass, and their waveforms [T_i * hop_length]. Rows of similar
    length share a pass.

    `context` is the generator's `context_frames`. The samples are those of `generate(mel)[0]`, up to rounding.
    """
    for rows in _passes([mel.size(2) for mel in mels], 2 * context):
        yield rows, _generate_together(generate, [mels[row] for row in rows], context)


def _passes(frames: Sequence[int], shortest: int) -> Iterator[list[int]]:
    """Rows to batch, longest first; one shorter than `shortest` only with others of its length."""
    group: list[int] = []
    for row in sorted(range(len(frames)), key=lambda row: -frames[row]):
        if group:
            longest = frames[group[0]]
            fits = (len(group) + 1) * longest <= FRAMES_A_PASS
            if not fits or frames[row] < min(shortest, longest):
                yield group
                group = []
        group.append(row)
    if group:
        yield group


def _generate_together(generate: Generate, mels: Sequence[Tensor], context: int) -> list[Tensor]:
    longest = mels[0].size(2)
    audio = generate(torch.cat([pad(mel, [0, longest - mel.size(2)]) for mel in mels]))
    hop = audio.size(1) // longest
    shorter = [row for row, mel in enumerate(mels) if mel.size(2) < longest]
    if not shorter:
        return list(audio)
    ends = dict(
        zip(shorter, generate(torch.cat([end_window(mels[row], context) for row in shorter])), strict=True)
    )
    return [
        with_end(audio[row], ends[row], mel.size(2) * hop) if row in ends else audio[row]
        for row, mel in enumerate(mels)
    ]
