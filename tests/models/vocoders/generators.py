"""Small generators of every type for the tests of what runs them, and recording on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from kalakan.config.schema import AudioConfig, HifiGanConfig, MelGanConfig
from kalakan.models import registry
from kalakan.models.vocoders.generator import Generator
from kalakan.models.vocoders.gpu import packed

AUDIO = AudioConfig(sample_rate=8000, n_fft=256, win_length=256, hop_length=60, n_mels=20, mel_fmax=4000.0)
TYPES = ("hifigan", "hifigan_v3", "melgan")
"""hifigan_v2 is hifigan with fewer channels."""


def tiny(name: str, seed: int = 1, rates: tuple[int, ...] = (5, 4, 3)) -> Generator:
    """A vocoder of that type, by default of 60 samples a frame, whose output is not near silence."""
    torch.manual_seed(seed)
    preset = registry.entry(name).preset
    assert isinstance(preset, (HifiGanConfig, MelGanConfig))
    config = replace(preset, channels=16, upsample_rates=rates)
    model = registry.create_vocoder(name, replace(AUDIO, hop_length=math.prod(rates)), config=config)
    for part in model.modules():
        if isinstance(part, (nn.Conv1d, nn.ConvTranspose1d)):
            fan = part.in_channels * part.kernel_size[0] / part.stride[0]
            nn.init.normal_(part.weight, std=(0.5 if isinstance(config, HifiGanConfig) else 1.0) * fan**-0.5)
    assert isinstance(model, Generator)
    return model.eval().requires_grad_(False)


def in_order(model: Generator, mels: Sequence[Tensor]) -> list[Tensor]:
    """Waveform of each log-mel, generated as a batch."""
    found = {
        row: audio
        for rows, audios in model.render_passes(mels)
        for row, audio in zip(rows, audios, strict=True)
    }
    assert sorted(found) == list(range(len(mels)))
    return [found[row] for row in range(len(mels))]


class CountingRecorder:
    """Stands in for CUDA graphs: keeps the work and where its results go, and counts."""

    def __init__(self) -> None:
        self.recorded = self.replayed = self.running = 0

    def record(self, branches: Sequence[Callable[[], Tensor]]) -> tuple[Callable[[], None], list[Tensor]]:
        self.recorded += 1
        results = [torch.full_like(branch(), torch.nan) for branch in branches]

        def replay() -> None:
            self.replayed += 1
            for result, branch in zip(results, branches, strict=True):
                result.copy_(branch())

        return replay, results

    def begin(self) -> None:
        self.running += 1
        assert self.running == 1, "two at a time"

    def end(self) -> None:
        self.running -= 1


def packed_on_cpu(monkeypatch: pytest.MonkeyPatch) -> list[CountingRecorder]:
    """Lets packed weights serve on the CPU; the recorders that were made."""
    made: list[CountingRecorder] = []

    def recorder(device: torch.device) -> CountingRecorder:
        made.append(CountingRecorder())
        return made[-1]

    monkeypatch.setattr(packed, "DEVICES", ("cuda", "cpu"))
    monkeypatch.setattr(packed, "recorder", recorder)
    return made
