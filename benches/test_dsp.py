"""Signal processing in Rust beside the same in torch and librosa, one thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

import griffin_lim_cases as cases
from beside import beside, suite
from kalakan.audio.harmonic_noise import filters_to_audio
from kalakan.audio.mel import log_mel
from kalakan.audio.mel_torch import LogMel
from kalakan.audio.stft import istft, stft
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig
from kalakan.models.vocoders.harmonic_noise import HarmonicNoise
from kalakan.ops.griffin_lim import reference

AUDIO = AudioConfig()
FRAMES = 400
SAMPLES = 2 * FRAMES * AUDIO.hop_length

pytestmark = suite("dsp")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    rng = np.random.default_rng(0)
    tone = 0.3 * np.sin(np.cumsum(0.05 + 0.02 * np.sin(np.arange(SAMPLES) / 5000)))
    return (tone + rng.normal(0, 0.01, SAMPLES)).astype(np.float32)


def close(one: Any, other: Any) -> None:
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=2e-3)


def test_stft(benchmark: Any, audio: np.ndarray) -> None:
    window, tensor = torch.hann_window(AUDIO.win_length), torch.from_numpy(audio)
    beside(
        benchmark,
        lambda: stft(audio, AUDIO),
        lambda: reference.forward(tensor[None], window, AUDIO.n_fft, AUDIO.hop_length)[0],
        close,
    )


def test_istft(benchmark: Any, audio: np.ndarray) -> None:
    spectrum, window = stft(audio, AUDIO), torch.hann_window(AUDIO.win_length)
    tensor = torch.from_numpy(spectrum)
    beside(
        benchmark,
        lambda: istft(spectrum, AUDIO),
        lambda: reference.inverse(tensor[None], window, AUDIO.n_fft, AUDIO.hop_length)[0],
        close,
    )


def test_log_mel(benchmark: Any, audio: np.ndarray) -> None:
    module, tensor = LogMel(AUDIO), torch.from_numpy(audio)
    beside(benchmark, lambda: log_mel(audio, AUDIO), lambda: module(tensor[None])[0], close)


def test_harmonic_noise(benchmark: Any) -> None:
    """Pulses and noise through given filters, of the default vocoder's sizes."""
    config = HarmonicNoiseConfig()
    torch.manual_seed(0)
    vocoder = HarmonicNoise(config, AUDIO).eval()
    f0, mask = torch.full((1, FRAMES), 120.0), torch.ones(1, FRAMES, 1)
    start, place = torch.zeros(1), torch.zeros(1, dtype=torch.long)
    with torch.inference_mode():
        raw = vocoder.raw_filters(torch.randn(1, AUDIO.n_mels, FRAMES) - 5.0, f0, mask)

        def in_torch() -> torch.Tensor:
            harmonic, phase, breath = vocoder.split_filters(raw)
            harmonic, breath = vocoder.clear_voice(harmonic, breath, f0)
            return vocoder.synthesis(harmonic, phase, breath, f0, mask[:, :, 0], start, place)[0]

        beside(
            benchmark,
            lambda: filters_to_audio(raw[0].numpy(), f0[0].numpy(), AUDIO, config),
            in_torch,
            close,
            rounds=9,
        )


@pytest.mark.parametrize("name", [name for name in cases.CASES if name != "rust"])
def test_griffin_lim(benchmark: Any, name: str) -> None:
    """Ten seconds, 32 iterations, beside three spellings in Python; none of them may converge better by 5 %."""
    wanted = cases.wanted_magnitude()

    def same(one: np.ndarray, other: np.ndarray) -> None:
        assert cases.convergence("rust", one, wanted) <= 1.05 * cases.convergence(name, other, wanted)

    beside(benchmark, lambda: cases.rust(wanted), lambda: cases.CASES[name](wanted), same, rounds=5)
