"""Every implementation of an op that this machine can run, beside what one would write in torch.

On a CUDA device where there is one, else on the CPU, one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d, leaky_relu

from beside import beside, suite
from kalakan.ops import griffin_lim, residual_blocks, upsample, use
from kalakan.ops.griffin_lim import GRIFFIN_LIM
from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS, Convolution, pack_residual_blocks
from kalakan.ops.upsample import UPSAMPLE

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
OPS = {"griffin_lim": GRIFFIN_LIM, "residual_blocks": RESIDUAL_BLOCKS, "upsample": UPSAMPLE}
N_FFT, HOP, FRAMES, ITERATIONS = 1024, 256, 100, 4


def timer() -> float:
    """CPU time; on a CUDA device wall-clock time, after what was queued there is done."""
    if DEVICE == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


pytestmark = suite("ops", timer)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


def able(op: str) -> list[str]:
    """Implementations that this machine can run on `DEVICE`; only Rust's is of the CPU alone."""
    names = [name for name, reason in OPS[op].machine().items() if reason is None]
    return [name for name in names if DEVICE == "cpu" or name != "rust"]


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-3)


def measure(
    benchmark: Any, op: str, name: str, run: Callable[[], Tensor], plain: Callable[[], Tensor]
) -> None:
    def chosen() -> Tensor:
        with use(**{op: name}):
            return run()

    beside(benchmark, chosen, plain, close)


@pytest.mark.parametrize("name", able("upsample"))
def test_upsample(benchmark: Any, name: str) -> None:
    x, weight = torch.randn(1, 128, 400, device=DEVICE), torch.randn(128, 64, 16, device=DEVICE) / 40
    bias = torch.randn(64, device=DEVICE)
    measure(
        benchmark,
        "upsample",
        name,
        lambda: upsample(x, weight, bias, 8, 4),
        lambda: conv_transpose1d(leaky_relu(x, 0.1), weight, bias, stride=8, padding=4),
    )


@pytest.mark.parametrize("name", able("residual_blocks"))
def test_residual_blocks(benchmark: Any, name: str) -> None:
    channels, dilations = 32, (1, 3, 5)
    weights = {
        kernel: [torch.randn(channels, channels, kernel, device=DEVICE) / (9 * kernel) for _ in dilations]
        for kernel in (3, 7)
    }
    packed = pack_residual_blocks(
        [
            [[Convolution(weight, None, dilation)] for weight, dilation in zip(some, dilations, strict=True)]
            for some in weights.values()
        ]
    )
    x = torch.randn(1, 2000, channels, device=DEVICE)

    def plain() -> Tensor:
        total = torch.zeros_like(x.transpose(1, 2))
        for kernel, some in weights.items():
            y = x.transpose(1, 2)
            for weight, dilation in zip(some, dilations, strict=True):
                y = y + conv1d(leaky_relu(y, 0.1), weight, padding=kernel // 2 * dilation, dilation=dilation)
            total = total + y
        return (total / len(weights)).transpose(1, 2).contiguous()

    measure(benchmark, "residual_blocks", name, lambda: residual_blocks(x, packed), plain)


@pytest.mark.parametrize("name", able("griffin_lim"))
def test_griffin_lim(benchmark: Any, name: str) -> None:
    magnitude = torch.rand(1, N_FFT // 2 + 1, FRAMES, device=DEVICE)
    window = torch.hann_window(N_FFT, device=DEVICE)
    padding = (N_FFT - HOP) // 2
    length = FRAMES * HOP + 2 * padding

    def inverse(spectrum: Tensor) -> Tensor:
        frames = torch.fft.irfft(spectrum[0], N_FFT, dim=0) * window[:, None]
        total, weight = torch.zeros(length, device=DEVICE), torch.zeros(length, device=DEVICE)
        for frame in range(FRAMES):
            place = slice(frame * HOP, frame * HOP + N_FFT)
            total[place] += frames[:, frame]
            weight[place] += window**2
        return (total / weight.clamp(min=1e-8))[padding : length - padding]

    def plain() -> Tensor:
        phase = torch.ones_like(magnitude, dtype=torch.complex64)
        phase[:, 1::2] = -1  # frames start as pulses at their centers
        audio, previous = inverse(magnitude * phase), torch.zeros_like(phase)
        for _ in range(ITERATIONS):
            padded = torch.nn.functional.pad(audio, [padding, padding])
            rebuilt = torch.stft(padded, N_FFT, HOP, window=window, center=False, return_complex=True)[None]
            direction = rebuilt - previous * (0.99 / 1.99)
            previous = rebuilt
            audio = inverse(magnitude * (direction / (direction.abs() + 1e-16)))
        return audio[None]

    def run() -> Tensor:
        return griffin_lim(magnitude, N_FFT, N_FFT, HOP, ITERATIONS, 0.99, None)

    measure(benchmark, "griffin_lim", name, run, plain)
