"""Short-time Fourier transform in numpy arrays, computed by Rust.

Periodic Hann window, `(n_fft - hop_length) / 2` zeros on both sides and no centering: S samples are
T = S // hop_length frames, and frame t is centered at sample `(t + 0.5) * hop_length`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

import kalakan._rust as _rust
from kalakan.config.schema import AudioConfig
from kalakan.errors import AudioError


def stft(audio: ArrayLike, config: AudioConfig) -> NDArray[np.complex64]:
    """Complex spectrum [F, T] of audio [S], F = n_fft // 2 + 1.

    Raises `AudioError` for audio that is not one-dimensional floating point, shorter than one hop, or not finite.
    """
    return _plan(config).forward(as_float32("audio", audio))


def istft(spectrum: ArrayLike, config: AudioConfig) -> NDArray[np.float32]:
    """Audio [T * hop_length] of a complex spectrum [F, T]: overlap-add over the sum of squared windows.

    The least-squares inverse of D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier
    transform", IEEE TASSP 32(2), 1984, equation 6. Raises `AudioError` for a wrong shape, NaN or infinity.
    """
    return _plan(config).inverse(np.asarray(spectrum, dtype=np.complex64))


def as_float32(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """Floating-point values as float32; integers are rejected, because their scale is not known."""
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(f"{name} has dtype {array.dtype}; it must be floating point, audio in [-1, 1]")
    return array.astype(np.float32, copy=False)


def _plan(config: AudioConfig) -> _rust.Stft:
    return _rust.Stft(config.n_fft, config.win_length, config.hop_length)
