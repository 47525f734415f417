"""STFT and its inverse against float64 numpy, at odd and even sizes."""

from __future__ import annotations

import numpy as np
import pytest

from kalakan import _rust
from kalakan.audio.stft import istft, stft
from kalakan.config.schema import AudioConfig
from kalakan.errors import AudioError, ConfigError
from reference import stft as slow

SIZES = [
    (1200, 1200, 300),
    (1024, 1024, 256),
    (1024, 800, 200),
    (15, 12, 5),
    (16, 16, 14),
    (64, 33, 32),
    (3, 2, 1),
]
FRAMES = [1, 2, 63, 64, 65, 129]


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, samples).astype(np.float32)


def config(n_fft: int, win_length: int, hop: int) -> AudioConfig:
    return AudioConfig(n_fft=n_fft, win_length=win_length, hop_length=hop)


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("sizes", SIZES)
def test_stft_equals_float64_numpy(sizes: tuple[int, int, int], frames: int) -> None:
    audio = noise(frames * sizes[2] + sizes[2] - 1)  # a part of a hop is left over
    expected = slow.stft(audio, *sizes)
    actual = stft(audio, config(*sizes))
    assert actual.shape == (sizes[0] // 2 + 1, frames)
    assert actual.dtype == np.complex64
    assert actual.flags.c_contiguous
    np.testing.assert_allclose(actual, expected, atol=2e-6 * sizes[0] ** 0.5)


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("sizes", SIZES)
def test_istft_equals_float64_numpy(sizes: tuple[int, int, int], frames: int) -> None:
    # No STFT of any signal: the least-squares estimate, and imaginary parts at DC and Nyquist, matter.
    rng = np.random.default_rng(1)
    shape = (sizes[0] // 2 + 1, frames)
    spectrum = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    expected = slow.istft(spectrum, *sizes)
    np.testing.assert_allclose(
        istft(spectrum, config(*sizes)), expected, atol=1e-6 * np.abs(expected).max() + 2e-7
    )


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("sizes", SIZES)
def test_istft_undoes_stft(sizes: tuple[int, int, int], frames: int) -> None:
    audio = noise(frames * sizes[2])
    again = istft(stft(audio, config(*sizes)), config(*sizes))
    # Where windows barely overlap, rounding is divided by their small squares.
    tolerance = 2e-3 if sizes[1] - sizes[2] < 3 else 2e-5
    np.testing.assert_allclose(again, audio, atol=tolerance)


def test_impulse_has_the_window_as_magnitude() -> None:
    audio = np.zeros(3000, np.float32)
    audio[1450] = 1.0
    magnitude = np.abs(stft(audio, AudioConfig()))
    expected = [
        slow.window(1200, 1200)[n] if 0 <= (n := 1450 + 450 - 300 * t) < 1200 else 0.0 for t in range(10)
    ]
    np.testing.assert_allclose(magnitude, np.tile(expected, (601, 1)), atol=1e-6)


def test_silence_stays_silent() -> None:
    spectrum = stft(np.zeros(900, np.float32), AudioConfig())
    assert not spectrum.any()
    assert not istft(spectrum, AudioConfig()).any()


def test_strided_and_float64_input_is_read_correctly() -> None:
    audio = noise(4000)
    expected = stft(audio[::2].copy(), AudioConfig())
    np.testing.assert_array_equal(stft(audio[::2], AudioConfig()), expected)
    np.testing.assert_array_equal(stft(audio[::2].astype(np.float64), AudioConfig()), expected)
    np.testing.assert_array_equal(
        istft(np.asfortranarray(expected), AudioConfig()), istft(expected, AudioConfig())
    )


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0, np.float32), "audio is empty"),
        (np.zeros(299, np.float32), "299 samples; one frame needs at least 300"),
        (np.zeros((2, 600), np.float32), "shape"),
        (np.zeros(600, np.int16), "int16"),
        (np.r_[np.zeros(599, np.float32), np.float32("nan")], "NaN at position 599"),
        (np.r_[np.float32("inf"), np.zeros(599, np.float32)], "inf at position 0"),
    ],
)
def test_bad_audio_is_refused(audio: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        stft(audio, AudioConfig())


@pytest.mark.parametrize(
    ("spectrum", "message"),
    [
        (np.zeros((600, 3), np.complex64), "600 rows; it must have 601"),
        (np.zeros((601, 0), np.complex64), "0 values"),
        (np.zeros(601, np.complex64), "shape"),
        (np.full((601, 2), np.nan, np.complex64), "NaN"),
    ],
)
def test_bad_spectrum_is_refused(spectrum: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        istft(spectrum, AudioConfig())


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((1200, 1201, 300), r"win_length is 1201; it must be at most n_fft \(1200\)"),
        ((1200, 1200, 301), "n_fft - hop_length is 899; it must be even"),
        ((1200, 300, 300), r"win_length is 300; it must be more than hop_length \(300\)"),
        ((1200, 1200, 0), "hop_length is 0; it must be at least 1"),
        ((1 << 21, 1200, 300), "n_fft is 2097152; it must be at most 1048576"),
    ],
)
def test_bad_sizes_are_refused(sizes: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _rust.Stft(*sizes)


def test_the_extension_names_a_wrong_type() -> None:
    plan = _rust.Stft(1200, 1200, 300)
    with pytest.raises(AudioError, match="dtype float64; it must be a float32 array of 1 dimension"):
        plan.forward(np.zeros(600))
    with pytest.raises(AudioError, match="audio is a list"):
        plan.forward([0.0])
