"""The one mel definition of Kalakan and its inverse, in numpy arrays, computed by Rust.

Magnitude spectrogram (see `stft`), Slaney bands of unit area as in `librosa.filters.mel(htk=False, norm="slaney")`,
natural logarithm of `max(mel, mel_floor)`. `mel_torch` is the same for tensors and gradients.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

import kalakan._rust as _rust
from kalakan.audio.stft import as_float32
from kalakan.config.schema import AudioConfig


def log_mel(audio: ArrayLike, config: AudioConfig) -> NDArray[np.float32]:
    """Log-mel [M, T] of audio [S] in [-1, 1], T = S // hop_length.

    Computed in float32: a band more than 100 dB below the loudest one is uncertain in its third digit.
    Raises `AudioError` for audio that is not one-dimensional floating point, shorter than one hop, or not finite.
    """
    return _plan(config).log_mel(as_float32("audio", audio))


def mel_filters(config: AudioConfig) -> NDArray[np.float32]:
    """Filter weights [M, F]; raises `ConfigError` when a band is too narrow to hold a frequency bin."""
    return _plan(config).filters()


def mel_to_magnitude(mel: ArrayLike, config: AudioConfig) -> NDArray[np.float32]:
    """Magnitudes [F, T] >= 0 whose log-mel is close to `mel` [M, T].

    Pseudo-inverse of the filters, then five multiplicative updates (Lee and Seung, NIPS 2000, equation 4).
    Raises `AudioError` for a wrong shape, NaN, infinity or a value above 40.
    """
    return _plan(config).magnitudes(as_float32("mel", mel))


def mel_to_audio(
    mel: ArrayLike,
    config: AudioConfig,
    n_iter: int = 32,
    momentum: float = 0.99,
    seed: int | None = 0,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Audio [T * hop_length] in [-1, 1] of a log-mel [M, T]: `mel_to_magnitude`, then fast Griffin-Lim.

    `seed` (32 bits) chooses the initial phase, None starts each frame as a pulse; the same seed gives the same bits for
    any number of threads. Raises as `mel_to_magnitude`, and `ConfigError` for a momentum outside [0, 1).
    """
    audio = _plan(config).to_audio(
        as_float32("mel", mel), n_iter=n_iter, momentum=momentum, seed=seed, threads=threads
    )
    return np.clip(audio, -1.0, 1.0, out=audio)


@lru_cache(maxsize=8)
def _plan(config: AudioConfig) -> _rust.Mel:
    return _rust.Mel(
        sample_rate=config.sample_rate,
        n_fft=config.n_fft,
        win_length=config.win_length,
        hop_length=config.hop_length,
        n_mels=config.n_mels,
        fmin=config.mel_fmin,
        fmax=config.mel_fmax,
        floor=config.mel_floor,
    )
