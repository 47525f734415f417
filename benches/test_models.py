"""Models of random weights: in batches beside one by one, and as TorchScript beside Python; one thread.

The TorchScript is what `kalakan export --format torchscript` writes, read back from its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from beside import beside, suite
from kalakan.config.schema import AudioConfig
from kalakan.models.registry import create_acoustic, create_vocoder

AUDIO = AudioConfig()
LENGTHS = (20, 34, 41, 60)
"""Phonemes of the sentences of a batch."""
FRAMES = 120
ACOUSTIC = ("fastspeech2", "fastspeech2_small")
VOCODERS = ("griffin_lim", "harmonic_noise", "hifigan_v2", "hifigan_v3", "melgan")

pytestmark = suite("models")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


def acoustic(name: str) -> nn.Module:
    """Durations of about five frames, as of a trained model."""
    torch.manual_seed(0)
    model = create_acoustic(name).eval()
    nn.init.constant_(model.duration_predictor.out.bias, 1.8)
    return model


def vocoder(name: str) -> nn.Module:
    torch.manual_seed(0)
    return create_vocoder(name, AUDIO, iterations=8).eval()


def phonemes() -> tuple[Tensor, Tensor]:
    ids = torch.randint(5, 60, (len(LENGTHS), max(LENGTHS)))
    lengths = torch.tensor(LENGTHS)
    return ids * (torch.arange(max(LENGTHS)) < lengths[:, None]), lengths


def close(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ACOUSTIC)
def test_acoustic_batch(benchmark: Any, name: str) -> None:
    model = acoustic(name)
    ids, lengths = phonemes()

    def batch() -> list[Tensor]:
        mel, found = model.inference(ids, lengths)
        return [row[:, :length] for row, length in zip(mel, found["mel_lengths"], strict=True)]

    def singles() -> list[Tensor]:
        return [model.inference(row[None, :length])[0][0] for row, length in zip(ids, LENGTHS, strict=True)]

    beside(benchmark, batch, singles, close, rounds=9)


@pytest.mark.parametrize("name", VOCODERS)
def test_vocoder_batch(benchmark: Any, name: str) -> None:
    model = vocoder(name)
    mel = torch.randn(2, AUDIO.n_mels, FRAMES) - 5.0

    def singles() -> list[Tensor]:
        return [model.inference(row[None])[0] for row in mel]

    beside(benchmark, lambda: list(model.inference(mel)), singles, close, rounds=5)


@pytest.mark.parametrize("name", ["fastspeech2_small", "harmonic_noise", "hifigan_v2"])
def test_scripted(benchmark: Any, name: str, tmp_path: Path) -> None:
    is_acoustic = name in ACOUSTIC
    model = acoustic(name) if is_acoustic else vocoder(name)
    path = tmp_path / "scripted.pt"
    torch.jit.save(torch.jit.script(model), path)
    scripted = torch.jit.load(path)
    given = phonemes()[0][2:3, : LENGTHS[2]] if is_acoustic else torch.randn(1, AUDIO.n_mels, FRAMES) - 5.0

    def run(module: Any) -> list[Tensor]:
        found = module.inference(given)
        return [found[0] if is_acoustic else found]

    beside(benchmark, lambda: run(scripted), lambda: run(model), close, rounds=9)
