"""STFT, mel and one Griffin-Lim iteration spelled out in float64 numpy: slow, obvious, written without the package."""

from __future__ import annotations

import numpy as np


def window(win_length: int, n_fft: int) -> np.ndarray:
    hann = np.sin(np.pi * np.arange(win_length) / win_length) ** 2
    left = (n_fft - win_length) // 2
    return np.concatenate([np.zeros(left), hann, np.zeros(n_fft - win_length - left)])


def stft(audio: np.ndarray, n_fft: int, win_length: int, hop: int) -> np.ndarray:
    """[F, T], frame by frame."""
    count = len(audio) // hop
    padding = (n_fft - hop) // 2
    signal = np.concatenate([np.zeros(padding), audio.astype(np.float64), np.zeros(n_fft)])
    taper = window(win_length, n_fft)
    frames = [np.fft.rfft(taper * signal[t * hop : t * hop + n_fft]) for t in range(count)]
    return np.stack(frames, axis=1)


def istft(spectrum: np.ndarray, n_fft: int, win_length: int, hop: int) -> np.ndarray:
    count = spectrum.shape[1]
    padding = (n_fft - hop) // 2
    taper = window(win_length, n_fft)
    total, weight = np.zeros(count * hop + 2 * padding), np.zeros(count * hop + 2 * padding)
    for t in range(count):
        total[t * hop : t * hop + n_fft] += taper * np.fft.irfft(spectrum[:, t], n_fft)
        weight[t * hop : t * hop + n_fft] += taper**2
    inside = slice(padding, padding + count * hop)
    return total[inside] / weight[inside]


def log_mel(
    audio: np.ndarray, filters: np.ndarray, n_fft: int, win_length: int, hop: int, floor: float
) -> np.ndarray:
    return np.log(np.maximum(filters @ np.abs(stft(audio, n_fft, win_length, hop)), floor))
