"""Tacotron 2 in the one Trainer: without durations, losses, resuming, a voice that speaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kalakan.data.features import FeatureStore
from kalakan.errors import ExportError, StopTokenWarning, SynthesisError
from kalakan.export.voice import add_onnx
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.tasks.tacotron2 import guide_weight, guided_attention
from kalakan.training.trainer import Trainer
from kalakan.voices.package import load_voice

MODEL = {
    "encoder_width": 16,
    "attention_width": 8,
    "location_filters": 4,
    "location_kernel": 5,
    "prenet_width": 8,
    "decoder_width": 16,
    "postnet_width": 16,
    "frames_per_step": 4,
    "max_frames_per_phoneme": 4,
}


def tiny(**training: Any) -> dict[str, dict[str, Any]]:
    shared = {"batch_size": 2, "max_steps": 3, "log_every": 1, "validate_every": 3, "picture_every": 3}
    shared |= {"checkpoint_every": 3, "validation_utterances": 2, "warmup_steps": 0}
    return {"model": dict(MODEL), "training": {**shared, **training}}


@pytest.fixture(scope="module")
def unaligned(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus without phone times, tones and F0."""
    folder = tmp_path_factory.mktemp("unaligned")
    (folder / "audio").symlink_to(corpus / "audio")
    records = [json.loads(line) for line in (corpus / "meta.jsonl").read_text().splitlines()]
    kept = [{key: record[key] for key in ("id", "speaker", "text", "units", "samples")} for record in records]
    (folder / "meta.jsonl").write_text("\n".join(json.dumps(record) for record in kept) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(unaligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three steps."""
    folder = tmp_path_factory.mktemp("run")
    Trainer("tacotron2", tiny()).train(unaligned, folder, quiet=True)
    return folder


def test_three_steps_without_durations_leave_a_voice_and_curves(run: Path) -> None:
    voice = load_voice(run / "voice")
    assert voice.manifest.acoustic.type == "tacotron2"
    assert voice.manifest.speakers == ("akosua", "kwame")
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"coarse", "mel", "stop", "attention"} <= records[0].keys()
    assert {"mel_l1", "sharpness", "score"} <= records[-1].keys()
    assert len(list((run / "pictures").glob("*.png"))) == 2
    board = EventAccumulator(str(run / "tensorboard")).Reload()
    names = {tag.removeprefix("picture/") for tag in board.Tags()["images"]}
    assert len(names) == 2
    assert {tag.removeprefix("sound/") for tag in board.Tags()["audio"]} == names
    assert {"train/attention", "validation/sharpness"} <= set(board.Tags()["scalars"])


def test_no_f0_is_computed(unaligned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeatureStore, "f0", lambda *_: pytest.fail("Tacotron 2 reads no F0"))
    train, _ = Trainer("tacotron2", tiny()).task.datasets(unaligned, tmp_path)
    train.prepare()
    assert not {"pitch", "energy"} & train[0].keys()


def test_the_voice_speaks_and_says_how_long_each_phoneme_lasts(run: Path) -> None:
    synthesizer = Synthesizer(run / "voice")
    assert synthesizer.engine == "torch"
    with pytest.warns(StopTokenWarning):
        audio = synthesizer.synthesize("Akwaaba", speaker="kwame")
    assert bool(torch.isfinite(audio).all()) and len(audio) % 300 == 0
    with pytest.raises(SynthesisError, match="cannot change speed"):
        synthesizer.synthesize("Akwaaba", speed=1.2)
    with pytest.warns(StopTokenWarning):
        Synthesizer(acoustic_model=run / "acoustic_model.pt").synthesize("Yoo")


def test_a_voice_has_no_graph_and_a_file_has(run: Path, kalakan: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"a voice holds no graph of that; .* or speak it with engine='torch'"
    ):
        add_onnx(run / "voice")
    model = run / "acoustic_model.pt"
    done = kalakan("export", "--acoustic-model", model, "--output-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    audio = Synthesizer(acoustic_model=tmp_path / "acoustic_model.onnx").synthesize("Yoo")
    with pytest.warns(StopTokenWarning):
        wanted = Synthesizer(acoustic_model=model).synthesize("Yoo")
    assert len(audio) == len(wanted)


def test_a_resumed_run_ends_like_an_uninterrupted_one(unaligned: Path, run: Path, tmp_path: Path) -> None:
    quick = {"validate_every": 9, "picture_every": 9, "decay_fraction": 0.0}
    Trainer("tacotron2", tiny(**quick)).train(unaligned, tmp_path / "whole", quiet=True)
    for steps in (1, 3):
        Trainer("tacotron2", tiny(**quick, max_steps=steps)).train(unaligned, tmp_path / "parts", quiet=True)
    whole, parts = (load_checkpoint(tmp_path / name / "last.pt")["modules"] for name in ("whole", "parts"))
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name


@pytest.mark.parametrize("mixed", [False, True])
def test_loss_falls_when_a_batch_is_repeated(corpus: Path, tmp_path: Path, mixed: bool) -> None:
    trainer = Trainer("tacotron2", tiny())
    data, _ = trainer.task.datasets(corpus, tmp_path)
    torch.manual_seed(0)
    modules = trainer.task.build(trainer.settings)
    batch = trainer.task.collate([data[0], data[1]])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=1e-2)
    totals = []
    for step in range(25):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            (phase,) = trainer.task.phases(modules, batch, step)
        loss = torch.stack(list(phase.losses.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(float(loss.detach()))
    assert totals[-1] < 0.8 * totals[0]


def test_the_push_to_the_diagonal_fades_and_counts_in_no_score(run: Path) -> None:
    assert guide_weight(0) == 5.0
    assert 2.0 < guide_weight(500) < 3.0
    assert guide_weight(1_000) == guide_weight(99_999) == 0.25
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scores = records[-1]
    assert scores["score"] == pytest.approx(scores["coarse"] + scores["mel"] + 0.5 * scores["stop"])


def test_guided_attention_is_least_on_the_diagonal_and_ignores_padding() -> None:
    lengths, mask = torch.tensor([8, 4]), torch.ones(2, 16)
    mask[1, 8:] = 0
    diagonal = torch.zeros(2, 16, 8)
    for row, (size, steps) in enumerate(((8, 16), (4, 8))):
        for step in range(16):
            diagonal[row, step, min(step * size // steps, size - 1)] = 1.0
    best = float(guided_attention(diagonal, lengths, mask))
    assert best < 0.05
    worst = float(guided_attention(diagonal.flip(1), lengths, torch.ones(2, 16)))
    assert worst > 0.4
    spoiled = diagonal.clone()
    spoiled[1, 8:] = diagonal[1, :8].flip(0)
    assert float(guided_attention(spoiled, lengths, mask)) == pytest.approx(best)
