"""Public reports of other programs' faults in training, as trials of the statistics that a model is given."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kalakan.config.schema import FastSpeech2Config
from kalakan.errors import DataError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.training.tasks.acoustic import set_statistics

pytestmark = pytest.mark.torch


def corpus(*tracks: list[float]) -> SimpleNamespace:
    """A dataset of one speaker with the given F0 in Hz, 0 where unvoiced."""
    utterances = [SimpleNamespace(speaker="ama") for _ in tracks]
    mel = np.random.default_rng(0).normal(-5.0, 2.0, (80, 40)).astype(np.float32)
    return SimpleNamespace(
        speakers=("ama",),
        utterances=utterances,
        f0=lambda index: np.array(tracks[index], np.float32),
        mel=lambda index: mel,
    )


def model() -> FastSpeech2:
    return FastSpeech2(FastSpeech2Config(speakers=("ama",), encoder_layers=1, decoder_layers=1))


@pytest.mark.parametrize(
    "tracks",
    [
        pytest.param(([0.0, 0.0, 0.0], [0.0, 120.0, 130.0]), id="Amphion-148"),
        pytest.param(([0.0], [120.0]), id="HierSpeechpp-4"),
        pytest.param(([120.0, 120.0, 0.0],), id="without spread"),
    ],
)
def test_recordings_without_a_voice_have_finite_statistics(tracks: tuple[list[float], ...]) -> None:
    """open-mmlab/Amphion#148 and sh-lee-prml/HierSpeechpp#4: the logarithm of an F0 of 0, and of no voice at all."""
    trained = model()
    set_statistics(trained, corpus(*tracks))  # type: ignore[arg-type]
    for name in ("mel_mean", "mel_std", "energy_mean", "energy_std", "pitch_mean", "pitch_std"):
        assert torch.isfinite(getattr(trained, name)).all(), name
    assert trained.pitch_std > 0
    assert float(trained.pitch_mean) == pytest.approx(np.log(125.0), abs=0.05)


def test_a_speaker_without_a_voice_is_an_error() -> None:
    with pytest.raises(DataError, match="speaker 'ama' has no voiced frame; check the recordings"):
        set_statistics(model(), corpus([0.0, 0.0]))  # type: ignore[arg-type]
