"""Griffin-Lim's two steps between Fourier transforms, in Triton. Importing this imports triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def project(rebuilt, previous, magnitude, spectrum, count, momentum, BLOCK: tl.constexpr):
    """spectrum = magnitude * phase(rebuilt - momentum * previous), previous = rebuilt; complex as pairs of floats.

    Grid: (tiles of bins,).
    """
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = i < count
    real = tl.load(rebuilt + 2 * i, mask=mask, other=0.0)
    imaginary = tl.load(rebuilt + 2 * i + 1, mask=mask, other=0.0)
    x = real - momentum * tl.load(previous + 2 * i, mask=mask, other=0.0)
    y = imaginary - momentum * tl.load(previous + 2 * i + 1, mask=mask, other=0.0)
    scale = tl.load(magnitude + i, mask=mask, other=0.0) / (tl.sqrt(x * x + y * y) + 1e-16)
    tl.store(previous + 2 * i, real, mask=mask)
    tl.store(previous + 2 * i + 1, imaginary, mask=mask)
    tl.store(spectrum + 2 * i, scale * x, mask=mask)
    tl.store(spectrum + 2 * i + 1, scale * y, mask=mask)


@triton.jit
def reframe(
    inverse, window, reciprocals, framed, frames, n_fft, hop, OVERLAP: tl.constexpr, BLOCK: tl.constexpr
):
    """Overlap-adds inverse transforms [B, T, n_fft] and splits it into windowed frames [B, T, n_fft], in one pass.

    `reciprocals` is one over the sum of squared windows at each padded sample; At most OVERLAP frames cover a sample.
    Grid: (B * T, tiles of a frame's samples).
    """
    row = tl.program_id(0).to(tl.int64)
    t = tl.program_id(0) % frames
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = n < n_fft
    sample = t * hop + n
    newest = sample // hop
    sums = tl.zeros((BLOCK,), dtype=tl.float32)
    for j in range(OVERLAP):
        other = newest - j
        at = sample - other * hop
        inside = mask & (other >= 0) & (other < frames) & (at < n_fft)
        value = tl.load(inverse + (row - t) * n_fft + (other * n_fft + at), mask=inside, other=0.0)
        sums += value * tl.load(window + at, mask=inside, other=0.0)
    factor = tl.load(window + n, mask=mask, other=0.0) * tl.load(reciprocals + sample, mask=mask, other=0.0)
    tl.store(framed + row * n_fft + n, factor * sums, mask=mask)
