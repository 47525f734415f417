from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kalakan.config.schema import AudioConfig
from kalakan.data import recorded_corpus
from kalakan.data.segments import SegmentDataset
from kalakan.errors import ConfigError, DamagedDataWarning, DataError
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.losses.spectral import Views, energy_distance
from kalakan.training.trainer import Trainer
from kalakan.voices.weights import load_pt
from tiny_corpus import make_corpus

TINY: dict[str, dict[str, Any]] = {
    "model": {"width": 8, "layers": 1, "inner": 8, "kernel": 3, "f0_width": 8},
    "segments": {"frames": 16, "validation_frames": 16},
    "training": {
        "batch_size": 4,
        "max_steps": 2,
        "warmup_steps": 0,
        "log_every": 1,
        "validate_every": 2,
        "checkpoint_every": 1,
        "picture_every": 2,
        "validation_utterances": 3,
    },
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def test_two_steps_leave_a_vocoder_and_curves(corpus: Path, tmp_path: Path) -> None:
    Trainer("harmonic_noise", TINY).train(corpus, tmp_path, quiet=True)
    loaded = load_pt(tmp_path / "vocoder_model.pt")
    assert loaded.record.type == "harmonic_noise"
    assert loaded.audio == AudioConfig()
    expected = load_checkpoint(tmp_path / "best.pt")["average"]
    for name, value in loaded.module.state_dict().items():
        assert torch.equal(value, expected[f"vocoder.{name}"]), name
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if line["group"] != "time"]  # where the time of the steps went
    assert [line["group"] for line in lines] == ["train", "train", "validation"]
    assert {"log", "linear", "mel", "f0", "voicing"} <= lines[0].keys()
    assert {"score", "mel_l1", "distance", "voicing_error", "f0_semitones"} <= lines[2].keys()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2


def test_loss_falls_when_a_batch_is_repeated(corpus: Path, tmp_path: Path) -> None:
    trainer = Trainer("harmonic_noise", TINY)
    data, _ = trainer.task.datasets(corpus, tmp_path)
    torch.manual_seed(0)
    modules = trainer.task.build(trainer.settings)
    batch = trainer.task.collate([data[index] for index in range(4)])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=1e-2)
    totals = []
    for _ in range(15):
        (phase,) = trainer.task.phases(modules, batch, 0)
        loss = torch.stack(list(phase.losses.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert totals[-1] < 0.8 * totals[0]


def test_segments_are_pieces_of_their_recordings(corpus: Path, tmp_path: Path) -> None:
    data = SegmentDataset(corpus, frames=16, features=tmp_path, varied=True)
    assert data.frame_counts() == [16] * len(data)
    item = data[3]
    assert item["mel"].shape == (80, 16) and item["f0"].shape == (16,) and item["audio"].shape == (4800,)
    number, _ = data.segments[3]
    whole = data.mel(number)
    starts = [
        t for t in range(whole.shape[1] - 15) if np.array_equal(whole[:, t : t + 16], item["mel"].numpy())
    ]
    assert starts
    samples = data.samples(number)[starts[0] * 300 : starts[0] * 300 + 4800] / 32768
    np.testing.assert_allclose(item["audio"].numpy(), samples, atol=1e-6)
    again = data[3]
    data.set_epoch(1)
    assert torch.equal(again["mel"], item["mel"])
    assert any(not torch.equal(data[index]["mel"], item["mel"]) for index in (3,)) or len(whole[0]) == 16


def test_predicted_mels_take_the_place_of_the_recordings(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_corpus, "LEAST_SHARED_S", 0.0)
    plain = SegmentDataset(corpus, frames=16, features=tmp_path / "features")
    folder = tmp_path / "predicted"
    folder.mkdir()
    name = plain.utterances[0].id
    np.save(folder / f"{name}.npy", plain.mel(0) - 1)
    data = SegmentDataset(corpus, frames=16, features=tmp_path / "features", predicted=folder)
    np.testing.assert_allclose(data.mel(0), plain.mel(0) - 1)
    np.testing.assert_array_equal(data.mel(1), plain.mel(1))
    np.save(folder / f"{plain.utterances[1].id}.npy", np.zeros((80, 3), np.float32))
    with pytest.raises(DataError, match="it must be"):
        SegmentDataset(corpus, frames=16, features=tmp_path / "features", predicted=folder).mel(1)
    for workers in (0, 2):
        prepared = SegmentDataset(corpus, frames=16, features=tmp_path / f"{workers}", predicted=folder)
        with pytest.warns(DamagedDataWarning, match="it must be"):
            prepared.prepare(workers=workers)
        assert list(prepared.left_out) == [plain.utterances[1].id]


def test_too_short_segments_and_recordings_are_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recording of 5000 frames"):
        SegmentDataset(corpus, frames=5000, features=tmp_path)
    with pytest.raises(ConfigError, match="must be at least 16"):
        Trainer("harmonic_noise", {"segments": {"frames": 8}})
    with pytest.raises(ConfigError, match="for the loss to fit in"):
        Trainer("harmonic_noise", {"audio": {"hop_length": 100}, "segments": {"frames": 16}})


def test_energy_distance_is_least_for_the_right_amount_of_noise() -> None:
    torch.manual_seed(0)
    views = Views(AudioConfig())
    tone = 0.1 * torch.sin(torch.arange(12_000) * 0.1)[None].expand(8, -1)

    def score(level: float) -> float:
        first, second, target = (tone + amount * torch.randn(8, 12_000) for amount in (level, level, 0.05))
        losses = energy_distance(views, target, first, second)
        return float(losses["log"] + losses["linear"] + losses["mel"])

    scores = {level: score(level) for level in (0.02, 0.035, 0.05, 0.07, 0.1)}
    assert min(scores, key=lambda level: scores[level]) == 0.05


def test_views_have_the_gradient_of_autograd() -> None:
    torch.manual_seed(0)
    views = Views(AudioConfig())
    audio = torch.randn(2, 4096, requires_grad=True)
    for (n_fft, overlap, _), magnitude in zip(
        ((2048, 2, 0), (1024, 2, 0), (512, 4, 0), (256, 4, 0)), views.magnitudes(audio), strict=True
    ):
        window = torch.hann_window(n_fft)
        spectrum = torch.fft.rfft(audio.unfold(1, n_fft, n_fft // overlap) * window)
        wanted = (spectrum.abs().square() / window.square().sum() + 9e-10).sqrt()
        torch.testing.assert_close(magnitude, wanted, atol=1e-4, rtol=1e-3)
        weight = torch.randn_like(wanted)
        (found,) = torch.autograd.grad((magnitude * weight).sum(), audio, retain_graph=True)
        (expected,) = torch.autograd.grad((wanted * weight).sum(), audio, retain_graph=True)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
