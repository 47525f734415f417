"""The one mel: equal in Rust, in torch, in float64 numpy and, for its filters, in librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from kalakan.audio.mel import log_mel, mel_filters, mel_to_audio, mel_to_magnitude
from kalakan.audio.mel_torch import LogMel
from kalakan.audio.stft import stft
from kalakan.config.schema import AudioConfig
from kalakan.errors import AudioError, ConfigError
from reference import stft as slow

CONFIGS = [
    AudioConfig(),
    AudioConfig(sample_rate=22_050, n_fft=1024, win_length=1024, hop_length=256, mel_fmax=8000.0),
    AudioConfig(
        sample_rate=16_000,
        n_fft=401,
        win_length=320,
        hop_length=81,
        n_mels=20,
        mel_fmin=50.0,
        mel_fmax=8000.0,
    ),
]


def voiced(samples: int, seed: int = 0) -> np.ndarray:
    """A gliding harmonic tone with a little noise, peak below 0.6."""
    rng = np.random.default_rng(seed)
    phase = np.cumsum(0.03 + 0.01 * np.sin(np.arange(samples) / 3000))
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.15 * tone + rng.normal(0, 0.005, samples)).astype(np.float32)


@pytest.mark.parametrize("config", CONFIGS)
def test_filters_equal_librosa(config: AudioConfig) -> None:
    expected = librosa.filters.mel(
        sr=config.sample_rate,
        n_fft=config.n_fft,
        n_mels=config.n_mels,
        fmin=config.mel_fmin,
        fmax=config.mel_fmax,
        htk=False,
        norm="slaney",
    )
    if config.n_fft % 2:  # librosa spaces the bins of an odd transform wrongly up to half the sample rate
        pytest.skip("librosa has no odd n_fft")
    np.testing.assert_allclose(mel_filters(config), expected, atol=1e-7)


@pytest.mark.parametrize("frames", [1, 2, 63, 129])
@pytest.mark.parametrize("config", CONFIGS)
def test_log_mel_equals_float64_numpy(config: AudioConfig, frames: int) -> None:
    audio = voiced(frames * config.hop_length)
    expected = slow.log_mel(
        audio, mel_filters(config), config.n_fft, config.win_length, config.hop_length, config.mel_floor
    )
    actual = log_mel(audio, config)
    assert actual.shape == (config.n_mels, frames)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 63, 129])
@pytest.mark.parametrize("config", CONFIGS)
def test_torch_equals_rust(config: AudioConfig, frames: int) -> None:
    audio = np.stack([voiced(frames * config.hop_length, seed) for seed in (0, 1)])
    batch = LogMel(config)(torch.from_numpy(audio))
    assert batch.shape == (2, config.n_mels, frames)
    for row, item in zip(batch, audio, strict=True):
        np.testing.assert_allclose(row.numpy(), log_mel(item, config), atol=1e-4)


def test_torch_has_a_finite_gradient_in_silence_too() -> None:
    audio = torch.zeros(1, 3000)
    audio[0, 1500:] = torch.from_numpy(voiced(1500))
    audio.requires_grad_()
    LogMel(AudioConfig())(audio).sum().backward()
    assert audio.grad is not None
    assert torch.isfinite(audio.grad).all()
    assert audio.grad.abs().sum() > 0


def test_silence_is_the_floor() -> None:
    mel = log_mel(np.zeros(900, np.float32), AudioConfig())
    np.testing.assert_allclose(mel, np.log(1e-5), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_mels": 400}, "band 0 holds none of the 601 frequency bins"),
        ({"hop_length": 300, "win_length": 300}, "win_length is 300"),
    ],
)
def test_impossible_bands_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mel_filters(AudioConfig(**changes))


@pytest.mark.parametrize("config", CONFIGS)
def test_magnitudes_have_the_mel_they_came_from(config: AudioConfig) -> None:
    mel = log_mel(voiced(config.hop_length * 65), config)
    magnitude = mel_to_magnitude(mel, config)
    assert magnitude.shape == (config.n_fft // 2 + 1, 65)
    assert (magnitude >= 0).all()
    wanted = np.exp(mel)
    error = np.linalg.norm(mel_filters(config) @ magnitude - wanted) / np.linalg.norm(wanted)
    clamped = np.maximum(np.linalg.pinv(mel_filters(config).astype(np.float64)) @ wanted, 0)
    assert error < 0.06
    assert error < np.linalg.norm(mel_filters(config) @ clamped - wanted) / np.linalg.norm(wanted)


def test_magnitudes_equal_float64_numpy() -> None:
    config = AudioConfig()
    mel = log_mel(voiced(300 * 63), config)
    filters, wanted = mel_filters(config).astype(np.float64), np.exp(mel.astype(np.float64))
    expected = np.maximum(np.linalg.pinv(filters) @ wanted, 1e-8)
    for _ in range(5):
        expected *= (filters.T @ wanted) / np.maximum(filters.T @ (filters @ expected), 1e-38)
    np.testing.assert_allclose(mel_to_magnitude(mel, config), expected, atol=1e-5 * expected.max())


def test_audio_from_mel_sounds_like_the_mel() -> None:
    config = AudioConfig()
    mel = log_mel(voiced(300 * 80), config)
    audio = mel_to_audio(mel, config)
    assert audio.shape == (80 * 300,)
    assert audio.dtype == np.float32
    assert np.abs(audio).max() <= 1.0
    assert np.abs(log_mel(audio, config) - mel).mean() < 0.25
    magnitude = mel_to_magnitude(mel, config)
    assert np.linalg.norm(np.abs(stft(audio, config)) - magnitude) < 0.25 * np.linalg.norm(magnitude)


def test_loud_audio_is_clipped() -> None:
    assert np.abs(mel_to_audio(np.full((80, 4), 3.0, np.float32), AudioConfig(), n_iter=1)).max() == 1.0


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (np.zeros((79, 4), np.float32), "79 rows; it must have 80"),
        (np.zeros((80, 0), np.float32), "0 values"),
        (np.full((80, 4), np.nan, np.float32), "NaN"),
        (np.full((80, 4), 41.0, np.float32), "the value 41; it must be at most 40"),
    ],
)
def test_bad_mel_is_refused(mel: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        mel_to_audio(mel, AudioConfig())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 1.0}, "momentum is 1; it must be in"),
        ({"threads": 0}, "threads is 0; it must be from 1 to 1024"),
        ({"seed": -1}, "seed is -1; it must be from 0 to 4294967295"),
    ],
)
def test_bad_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mel_to_audio(np.zeros((80, 4), np.float32), AudioConfig(), **options)
