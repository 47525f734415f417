"""The Triton kernel of upsampling. Importing this imports triton."""

from __future__ import annotations

import triton
import triton.language as tl


# Lengths vary from sentence to sentence: whether 16 divides them must not be a reason to compile again.
@triton.jit(do_not_specialize=["frames", "length"])
def upsample(
    x,
    weight,
    bias,
    residual,
    out,
    frames,
    c_out,
    stride,
    padding,
    length,
    slope,
    TAPS: tl.constexpr,
    C_IN: tl.constexpr,
    HAS_RESIDUAL: tl.constexpr,
    BLOCK_Q: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """out [B, length, C_out] of x [B, frames, C_in] and packed weights [S, TAPS, C_out, C_IN]; see csrc/upsample.cuh.

    Grid: (tiles of q, tiles of output channels, B * S).
    """
    item = (tl.program_id(2) // stride).to(tl.int64)
    phase = tl.program_id(2) % stride
    q = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    sums = tl.zeros((BLOCK_Q, BLOCK_N), dtype=tl.float32)
    for tap in range(TAPS):
        t = q - tap
        rows = x + (item * frames + t)[:, None] * C_IN  # [Q, 1]
        columns = weight + ((phase * TAPS + tap) * c_out + n).to(tl.int64)[None, :] * C_IN  # [1, N]
        for first in range(0, C_IN, BLOCK_K):
            k = first + tl.arange(0, BLOCK_K)
            a = tl.load(
                rows + k[None, :],
                mask=(t >= 0)[:, None] & (t < frames)[:, None] & (k < C_IN)[None, :],
                other=0.0,
            )
            # In the operands' own type: a product with a float32 would promote the operands to float32.
            a = tl.where(a > 0, a, (a.to(tl.float32) * slope).to(a.dtype))
            b = tl.load(columns + k[:, None], mask=(k < C_IN)[:, None] & (n < c_out)[None, :], other=0.0)
            sums = tl.dot(a, b, sums, input_precision="ieee")
    at = q * stride + phase - padding
    mask = (at >= 0)[:, None] & (at < length)[:, None] & (n < c_out)[None, :]
    index = (item * length + at)[:, None] * c_out + n[None, :]
    sums += tl.load(bias + n, mask=n < c_out, other=0.0)[None, :]
    if HAS_RESIDUAL:
        sums += tl.load(residual + index, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + index, sums.to(out.dtype.element_ty), mask=mask)
