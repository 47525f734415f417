"""`align`: durations for a corpus folder, learned from its recordings and transcripts alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kalakan.config.training import TrainingConfig
from kalakan.data.alignment import AlignmentDataset
from kalakan.data.alignment_states import SILENCE
from kalakan.data.manifest import read_manifest, read_records
from kalakan.data.utterance_textgrid import textgrid_of
from kalakan.errors import DataError, TrainingError
from kalakan.models import registry
from kalakan.models.aligner import Aligner
from kalakan.models.lattice import best_path
from kalakan.storage import replacing
from kalakan.training.alignment_checks import Durations, doubts
from kalakan.training.checkpoint import reached
from kalakan.training.damage import check_damage
from kalakan.training.tasks.aligner import BLEND, PRODUCT
from kalakan.training.trainer import Trainer
from kalakan.utils.config import Config
from kalakan.voices.weights import LoadedModel, load_pt

CORPUS_MARK = "corpus.sha256"
"""File beside an aligner that says what corpus it was trained on."""


@dataclass(frozen=True)
class Aligned:
    """What `align` did."""

    folder: Path
    """The corpus folder."""
    durations: Mapping[str, Durations]
    """Alignments by utterance id."""
    too_short: tuple[str, ...]
    """Ids of utterances with fewer frames than sounds: they get no durations, and training leaves them out."""
    doubtful: tuple[str, ...]
    """Ids of alignments that `kalakan.training.alignment_checks` finds fault with, the lowest score first."""
    damaged: Mapping[str, str]
    """Why an utterance could not be read, by its id or by the place of its line in the manifest."""


def align(
    folder: str | Path,
    *,
    config: Config | Mapping[str, Any] | str | None = None,
    aligner: str | Path | None = None,
    features: str | Path | None = None,
    textgrids: str | Path | None = None,
    again: bool = False,
    device: str = "cpu",
    quiet: bool = False,
) -> Aligned:
    """Writes durations into `folder/meta.jsonl` (in one step), scores into `folder/alignment.tsv`, and TextGrids.

    The aligner is trained in `folder/aligner`, where a run that was stopped goes on and a finished one is reused;
    `aligner` is the `aligner.pt` of another corpus to use instead: of the same voice, or it finds little. `config`
    overrides its settings, `features` (default `folder/features`) caches mels, `textgrids` defaults to
    `folder/textgrids`. Durations that are there
    already are replaced only with `again`. Damaged utterances are left out, with a `DamagedDataWarning`. Raises
    `DataError` for a corpus that cannot be aligned or is aligned, or too much of which (`training.max_damaged`) is
    damaged.
    """
    folder = Path(folder)
    settings = Config(config).settings(registry.training_settings("aligner"))
    if any(item.is_aligned for item in read_manifest(folder, {})) and not again:
        raise DataError(f"{folder}: has durations already; `--again` (in Python again=True) replaces them")
    cache = Path(features) if features else folder / "features"
    loaded = load_pt(aligner) if aligner else _trained(folder, config, cache, device, quiet)
    if not isinstance(loaded.module, Aligner):
        raise TrainingError(f"{aligner}: holds a {loaded.record.type}, not an aligner")
    dataset = AlignmentDataset(folder, split="all", audio=loaded.audio, features=cache)
    dataset.prepare()
    damaged = check_damage([dataset], settings.training.max_damaged)
    found = {dataset.name(i): align_one(loaded.module, dataset, i) for i in range(len(dataset))}
    _write_durations(folder, found, loaded.audio.hop_length)
    grids = Path(textgrids) if textgrids else folder / "textgrids"
    grids.mkdir(parents=True, exist_ok=True)
    for item in read_manifest(folder, {}):
        if item.is_aligned:
            with replacing(grids / f"{item.id}.TextGrid") as partial:
                partial.write_text(textgrid_of(item, loaded.audio.sample_rate), encoding="utf-8")
    too_short = tuple(item.id for item in dataset.too_short)
    reasons = doubts(found)
    aligned = Aligned(folder, found, too_short, tuple(reasons), damaged)
    _write_scores(aligned, reasons)
    return aligned


def align_one(model: Aligner, dataset: AlignmentDataset, index: int) -> Durations:
    """The likeliest alignment of one utterance of a dataset."""
    mel, states = dataset.mel(index), dataset.states(index)
    device = model.mel_mean.device
    with torch.no_grad():
        inputs = torch.from_numpy(mel)[None].to(device)
        logs = model.eval()(inputs, torch.ones(1, mel.shape[1], device=device))[0]
    scores = model.state_scores(logs, mel, states.ids, BLEND)
    frames = best_path(scores, states.optional)
    lead, durations = states.unit_frames(frames, len(dataset.utterances[index].units))
    owners = np.repeat(np.arange(len(frames)), frames)
    spoken = states.ids[owners] != SILENCE
    score = float(scores[np.arange(len(owners)), owners][spoken].mean())
    return Durations(lead, durations, score)


def _trained(
    folder: Path, config: Config | Mapping[str, Any] | str | None, features: Path, device: str, quiet: bool
) -> LoadedModel:
    run = folder / "aligner"
    trainer = Trainer("aligner", config, device)
    product, mark, state = run / PRODUCT, run / CORPUS_MARK, corpus_state(folder)
    if mark.is_file() and mark.read_text(encoding="utf-8").strip() != state:
        raise DataError(
            f"{run}: was trained on another state of this corpus; `--aligner {product}` uses it all the same, and "
            f"without the folder {run} a new one is trained"
        )
    if product.is_file():
        loaded = load_pt(product)
        if loaded.audio == trainer.settings.audio:
            return loaded
    run.mkdir(parents=True, exist_ok=True)
    with replacing(mark) as partial:
        partial.write_text(state + "\n", encoding="utf-8")
    made = trainer.train(folder, run, features=features, quiet=quiet)
    _check_trained(run, made, trainer.settings.training)
    return load_pt(made)


def corpus_state(folder: Path) -> str:
    """SHA-256 of what an aligner learns from, but for the sound itself: ids, units and lengths of the utterances."""
    lines = sorted(f"{item.id}\t{item.samples}\t{' '.join(item.units)}" for item in read_manifest(folder, {}))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_trained(run: Path, product: Path, config: TrainingConfig) -> None:
    """Raises `TrainingError` for an aligner that was stopped, and removes it: the next run goes on with `last.pt`."""
    position = reached(run)
    if not position.is_done(config) and not config.max_minutes:
        product.unlink()
        raise TrainingError(
            f"{run}: its training was X of {config.max_steps}, and nothing is "
            "aligned; the same command goes on"
        )


def _write_durations(folder: Path, found: Mapping[str, Durations], hop_length: int) -> None:
    lines = []
    for _, record in read_records(folder / "meta.jsonl"):
        kept = {
            key: value
            for key, value in record.items()
            if key not in ("frames", "lead", "tail", "label_samples")
        }
        if record["id"] in found:
            durations = found[record["id"]]
            kept |= {"label_samples": hop_length, "lead": durations.lead, "frames": durations.frames.tolist()}
        lines.append(json.dumps(kept, ensure_ascii=False) + "\n")
    with (
        replacing(folder / "meta.jsonl") as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(lines)


def _write_scores(aligned: Aligned, reasons: Mapping[str, str]) -> None:
    """`alignment.tsv`: every utterance with its score, the worst first."""
    left_out = dict.fromkeys(aligned.too_short, "fewer frames than sounds") | dict(aligned.damaged)
    lines = ["id\tscore\tnote", *(f"{name}\t\t{' '.join(note.split())}" for name, note in left_out.items())]
    for name, item in sorted(aligned.durations.items(), key=lambda pair: pair[1].score):
        lines.append(f"{name}\t{item.score:.3f}\t{reasons.get(name, '')}")
    with replacing(aligned.folder / "alignment.tsv") as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
