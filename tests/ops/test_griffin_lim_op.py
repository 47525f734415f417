"""Griffin-Lim: Rust and torch are one algorithm, and it is as good as librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from kalakan import _rust
from kalakan.errors import AudioError, ConfigError, ImplementationUnavailable
from kalakan.ops import griffin_lim, use
from kalakan.ops.griffin_lim import reference

SIZES = [(1200, 1200, 300), (1024, 800, 200), (15, 12, 5), (64, 49, 32)]


def magnitudes(n_fft: int, win_length: int, hop: int, frames: int, items: int = 1) -> Tensor:
    """[B, F, T] of gliding tones in noise."""
    rng = np.random.default_rng(frames)
    phase = np.cumsum(0.05 + 0.02 * rng.random((items, frames * hop)), axis=1)
    audio = 0.4 * np.sin(phase) + 0.2 * np.sin(3 * phase) + rng.normal(0, 0.01, phase.shape)
    plan = _rust.Stft(n_fft, win_length, hop)
    return torch.from_numpy(np.stack([np.abs(plan.forward(item.astype(np.float32))) for item in audio]))


def convergence(audio: np.ndarray, wanted: np.ndarray) -> float:
    """Distance from the wanted magnitudes over their norm."""
    got = np.abs(_rust.Stft(1200, 1200, 300).forward(audio))
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize("seed", [None, 0, 2**32 - 1])
@pytest.mark.parametrize("n_iter", [0, 3])
@pytest.mark.parametrize("frames", [1, 2, 63, 129])
@pytest.mark.parametrize("sizes", SIZES)
def test_rust_equals_torch(sizes: tuple[int, int, int], frames: int, n_iter: int, seed: int | None) -> None:
    magnitude = magnitudes(*sizes, frames)
    with use(griffin_lim="rust"):
        fast = griffin_lim(magnitude, *sizes, n_iter=n_iter, seed=seed)
    # The reference in float64: the tolerance is Rust's own rounding, some of it divided by small window sums.
    exact = reference.griffin_lim(magnitude.double(), *sizes, n_iter, 0.99, seed)
    assert fast.shape == (1, frames * sizes[2])
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast.double(), exact, atol=2e-5 * float(exact.abs().max()), rtol=0)


def test_rust_and_torch_are_equally_good_after_32_iterations() -> None:
    magnitude = magnitudes(1200, 1200, 300, 129)
    quality = []
    for name in ("rust", "torch"):
        with use(griffin_lim=name):
            quality.append(
                convergence(griffin_lim(magnitude, 1200, 1200, 300)[0].numpy(), magnitude[0].numpy())
            )
    assert quality[0] == pytest.approx(quality[1], rel=0.02)


def test_quality_is_not_worse_than_librosa() -> None:
    wanted = magnitudes(1200, 1200, 300, 200)[0].numpy()
    ours = [convergence(_reconstruct(wanted, seed), wanted) for seed in range(5)]
    theirs = []
    for seed in range(5):
        audio = librosa.griffinlim(
            wanted, n_iter=32, hop_length=300, n_fft=1200, momentum=0.99, random_state=seed
        )
        # librosa centers its frames: its signal is one hop shorter and half a hop of it lies before ours.
        got = np.abs(librosa.stft(audio, n_fft=1200, hop_length=300))
        theirs.append(float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted)))
    assert np.mean(ours) <= np.mean(theirs) * 1.05


def _reconstruct(magnitude: np.ndarray, seed: int) -> np.ndarray:
    return griffin_lim(torch.from_numpy(magnitude)[None], 1200, 1200, 300, seed=seed)[0].numpy()


@pytest.mark.parametrize("frames", [1, 2, 63, 64, 65, 200])
def test_threads_change_no_bit(frames: int) -> None:
    plan, magnitude = _rust.Stft(1200, 1200, 300), magnitudes(1200, 1200, 300, frames, items=3).numpy()
    options = {"n_iter": 8, "momentum": 0.99, "seed": 5}
    one = plan.griffin_lim(magnitude, threads=1, **options)
    for threads in (2, 3, 4, 7):
        np.testing.assert_array_equal(plan.griffin_lim(magnitude, threads=threads, **options), one)
        np.testing.assert_array_equal(plan.griffin_lim(magnitude[:1], threads=threads, **options), one[:1])


# torch's transform may round a batch otherwise than its items (MKL with AVX-512), and each iteration makes more of it:
# in double precision nothing is left of that.
@pytest.mark.parametrize(
    ("name", "dtype", "atol"), [("rust", torch.float32, 2e-6), ("torch", torch.float64, 1e-9)]
)
def test_batch_equals_singles(name: str, dtype: torch.dtype, atol: float) -> None:
    magnitude = magnitudes(1200, 1200, 300, 65, items=3).to(dtype)
    with use(griffin_lim=name):
        batch = griffin_lim(magnitude, 1200, 1200, 300, n_iter=4)
        singles = [griffin_lim(item[None], 1200, 1200, 300, n_iter=4) for item in magnitude]
    torch.testing.assert_close(batch, torch.cat(singles), atol=atol, rtol=0)


def test_silence_stays_silent_and_seeds_differ() -> None:
    assert not griffin_lim(torch.zeros(2, 601, 5), 1200, 1200, 300).any()
    magnitude = magnitudes(1200, 1200, 300, 20)
    first, second = (griffin_lim(magnitude, 1200, 1200, 300, n_iter=1, seed=seed) for seed in (0, 1))
    assert (first - second).abs().max() > 0.01


def test_transposed_tensors_are_read_correctly() -> None:
    magnitude = magnitudes(1200, 1200, 300, 20)
    transposed = magnitude.transpose(1, 2).contiguous().transpose(1, 2)
    torch.testing.assert_close(
        griffin_lim(transposed, 1200, 1200, 300), griffin_lim(magnitude, 1200, 1200, 300), atol=0, rtol=0
    )


def test_what_rust_refuses_goes_to_torch() -> None:
    magnitude = magnitudes(64, 33, 32, 4)
    assert griffin_lim(magnitude.double(), 64, 33, 32, n_iter=2).dtype == torch.float64
    wanting = magnitude.clone().requires_grad_()
    griffin_lim(wanting, 64, 33, 32, n_iter=2).sum().backward()
    assert wanting.grad is not None
    assert torch.isfinite(wanting.grad).all()
    with use(griffin_lim="rust"), pytest.raises(ImplementationUnavailable, match="gradient"):
        griffin_lim(wanting, 64, 33, 32)
    with use(griffin_lim="rust"), pytest.raises(ImplementationUnavailable, match="float64"):
        griffin_lim(magnitude.double(), 64, 33, 32)


@pytest.mark.parametrize(
    ("magnitude", "options", "error", "message"),
    [
        (torch.zeros(1, 600, 3), {}, AudioError, r"shape \[1, 600, 3\]; it must be \[B, 601, T\]"),
        (torch.zeros(1, 601, 0), {}, AudioError, "T >= 1"),
        (torch.zeros(601, 3), {}, AudioError, "shape"),
        (torch.full((1, 601, 3), torch.nan), {}, AudioError, "NaN at position"),
        (-torch.ones(1, 601, 3), {}, AudioError, "the value -1; it must be at least 0"),
        (torch.zeros(1, 601, 3), {"momentum": 1.0}, ConfigError, "momentum is 1.0"),
        (torch.zeros(1, 601, 3), {"seed": -1}, ConfigError, "seed is -1"),
        (torch.zeros(1, 601, 3), {"hop": 301}, ConfigError, "must be even"),
    ],
)
def test_bad_calls_are_refused(
    magnitude: Tensor, options: dict[str, float], error: type[Exception], message: str
) -> None:
    hop = options.pop("hop", 300)
    with pytest.raises(error, match=message):
        griffin_lim(magnitude, 1200, 1200, hop, **options)
