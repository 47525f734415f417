"""Griffin-Lim as a module obeys the vocoder contract and says what the numpy path says."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch

from kalakan.audio.mel import log_mel, mel_to_audio, mel_to_magnitude
from kalakan.config.schema import AudioConfig
from kalakan.models.interfaces import Vocoder
from kalakan.models.vocoders.griffin_lim import GriffinLim


@pytest.fixture(scope="module")
def mel() -> np.ndarray:
    phase = np.cumsum(0.05 + 0.02 * np.random.default_rng(0).random(300 * 65))
    audio = 0.4 * np.sin(phase) + 0.1 * np.sin(5 * phase)
    return log_mel(audio, AudioConfig())


def test_it_is_a_vocoder(mel: np.ndarray) -> None:
    vocoder = GriffinLim(AudioConfig())
    assert isinstance(vocoder, Vocoder)
    assert (vocoder.sample_rate, vocoder.hop_length) == (24_000, 300)
    audio = vocoder.inference(torch.from_numpy(np.stack([mel, mel])))
    assert audio.shape == (2, 65 * 300)
    assert audio.abs().max() <= 1.0
    torch.testing.assert_close(audio[0], audio[1], atol=0, rtol=0)


def test_magnitudes_equal_the_numpy_path(mel: np.ndarray) -> None:
    actual = GriffinLim(AudioConfig()).magnitude(torch.from_numpy(mel)[None])[0].numpy()
    expected = mel_to_magnitude(mel, AudioConfig())
    np.testing.assert_allclose(actual, expected, atol=1e-5 * expected.max())


def test_audio_equals_the_numpy_path_after_a_few_iterations(mel: np.ndarray) -> None:
    actual = GriffinLim(AudioConfig(), n_iter=3).inference(torch.from_numpy(mel)[None])[0].numpy()
    np.testing.assert_allclose(actual, mel_to_audio(mel, AudioConfig(), n_iter=3), atol=1e-4)


def test_autocast_changes_no_sample(mel: np.ndarray) -> None:
    vocoder, batch = GriffinLim(AudioConfig(), n_iter=3), torch.from_numpy(mel)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = vocoder.inference(batch)
    assert torch.equal(actual, vocoder.inference(batch))


# torch deprecates scripting from 2.11 on; it is how a model leaves for C++.
@pytest.mark.parametrize("seed", [0, None])
def test_scripted_saved_and_loaded_it_says_the_same(mel: np.ndarray, seed: int | None) -> None:
    vocoder = GriffinLim(AudioConfig(), n_iter=3, seed=seed)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(vocoder), buffer)
    buffer.seek(0)
    scripted = torch.jit.load(buffer)
    batch = torch.from_numpy(mel)[None]
    torch.testing.assert_close(scripted.inference(batch), vocoder.inference(batch), atol=1e-4, rtol=0)
    torch.testing.assert_close(scripted(batch), scripted.inference(batch), atol=0, rtol=0)


def test_it_copies_and_its_buffers_move(mel: np.ndarray) -> None:
    vocoder = copy.deepcopy(GriffinLim(AudioConfig(), n_iter=2)).eval()
    assert {name for name, _ in vocoder.named_buffers()} == {"filters", "inverse"}
    assert vocoder.double().inference(torch.from_numpy(mel)[None]).dtype == torch.float64
