"""What both Griffin-Lim benches run: ten seconds, 32 iterations, one thread, four spellings of one method."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import torch
from torch import Tensor

from kalakan import _rust
from kalakan.ops import griffin_lim, use

SAMPLE_RATE, N_FFT, HOP, SECONDS, N_ITER, MOMENTUM = 24_000, 1200, 300, 10, 32, 0.99


def wanted_magnitude() -> np.ndarray:
    """[F, T] of a gliding harmonic tone in a little noise."""
    rng = np.random.default_rng(0)
    samples = SAMPLE_RATE * SECONDS
    phase = np.cumsum(0.04 + 0.01 * np.sin(np.arange(samples) / 5000))
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    audio = (0.15 * tone + rng.normal(0, 0.01, samples)).astype(np.float32)
    return np.abs(_rust.Stft(N_FFT, N_FFT, HOP).forward(audio))


def rust(magnitude: np.ndarray) -> np.ndarray:
    with use(griffin_lim="rust"):
        return griffin_lim(torch.from_numpy(magnitude)[None], N_FFT, N_FFT, HOP, N_ITER, MOMENTUM)[0].numpy()


def reference(magnitude: np.ndarray) -> np.ndarray:
    """The package's own torch implementation."""
    with use(griffin_lim="torch"):
        return griffin_lim(torch.from_numpy(magnitude)[None], N_FFT, N_FFT, HOP, N_ITER, MOMENTUM)[0].numpy()


def torch_loop(magnitude: np.ndarray) -> np.ndarray:
    """The loop one writes with torch.stft and torch.istft, centred frames as they want them."""
    wanted, window = torch.from_numpy(magnitude), torch.hann_window(N_FFT)
    phase = torch.polar(torch.ones_like(wanted), 2 * torch.pi * torch.rand(wanted.shape))
    previous = torch.zeros_like(phase)
    for _ in range(N_ITER):
        audio = torch.istft(wanted * phase, N_FFT, HOP, window=window)
        rebuilt = torch.stft(audio, N_FFT, HOP, window=window, return_complex=True)
        phase = rebuilt - previous * (MOMENTUM / (1 + MOMENTUM))
        phase = phase / (phase.abs() + 1e-16)
        previous = rebuilt
    audio: Tensor = torch.istft(wanted * phase, N_FFT, HOP, window=window)
    return audio.numpy()


def librosa_loop(magnitude: np.ndarray) -> np.ndarray:
    return librosa.griffinlim(
        magnitude, n_iter=N_ITER, hop_length=HOP, n_fft=N_FFT, momentum=MOMENTUM, random_state=0
    )


CASES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rust": rust,
    "torch reference": reference,
    "torch.stft loop": torch_loop,
    "librosa": librosa_loop,
}


def convergence(name: str, audio: np.ndarray, wanted: np.ndarray) -> float:
    """Spectral convergence |STFT(audio) - wanted| / |wanted| with the framing of the implementation."""
    if name in {"librosa", "torch.stft loop"}:
        got = np.abs(librosa.stft(audio, n_fft=N_FFT, hop_length=HOP))
    else:
        got = np.abs(_rust.Stft(N_FFT, N_FFT, HOP).forward(audio))
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def check(wanted: np.ndarray) -> dict[str, float]:
    """Spectral convergence of each implementation; raises unless Rust's is as good as all others' within 5 %."""
    found = {name: convergence(name, call(wanted), wanted) for name, call in CASES.items()}
    worse = {name: value for name, value in found.items() if found["rust"] > 1.05 * value}
    if worse:
        raise AssertionError(f"rust reaches {found['rust']:.4f}, but {worse}")
    return found
