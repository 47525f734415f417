"""`align`: force-aligns a corpus folder, using only its recordings and transcripts."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kalakan.config.training import TrainingConfig
from kalakan.data.alignment import AlignmentDataset
from kalakan.data.alignment_states import SILENCE
from kalakan.data.labels import write_labels
from kalakan.data.manifest import Utterance, in_split, read_manifest
from kalakan.data.utterance_textgrid import textgrid_of
from kalakan.errors import DataError, TrainingError, UnalignedWarning
from kalakan.models import registry
from kalakan.models.aligner import Aligner
from kalakan.models.lattice import best_path
from kalakan.storage import replacing
from kalakan.training.alignment_checks import Durations, doubts
from kalakan.training.checkpoint import LAST, reached
from kalakan.training.damage import check_damage
from kalakan.training.progress import Progress
from kalakan.training.tasks.aligner import BLEND, PRODUCT
from kalakan.training.trainer import Trainer
from kalakan.utils.config import Config
from kalakan.voices.weights import LoadedModel, load_pt

CORPUS_MARK = "corpus.sha256"
"""File next to an aligner that identifies the corpus it was trained on."""
SCORES = "alignment.tsv"
"""File of a corpus with the alignment score of each recording."""


@dataclass(frozen=True)
class Aligned:
    """Result of `align`."""

    folder: Path
    """The corpus folder."""
    durations: Mapping[str, Durations]
    """Alignments by utterance id."""
    too_short: tuple[str, ...]
    """Ids of utterances with fewer frames than sounds: they get no durations, and training skips them."""
    doubtful: tuple[str, ...]
    """Ids of alignments flagged by `kalakan.training.alignment_checks`, lowest score first."""
    damaged: Mapping[str, str]
    """Why an utterance could not be read, by its id or by its line in the manifest."""


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
    on_signal: Callable[[int], object] | None = None,
) -> Aligned:
    """Writes durations to `folder/meta.jsonl` (atomically), scores to `folder/alignment.tsv`, and TextGrids.

    The aligner is trained in `folder/aligner`: an interrupted run is resumed there, a finished one is reused.
    `aligner` is the `aligner.pt` of another corpus to use instead; it works poorly unless it is of the same voice.
    `config` overrides its settings, `features` (default `folder/features`) caches mels, `textgrids` defaults to
    `folder/textgrids`. Existing durations are kept; utterances without durations are aligned with the existing
    aligner, with an `UnalignedWarning`. `again` replaces all of them, using an aligner retrained on the current
    corpus. `on_signal` is called with the number of a signal that stopped the aligner's training, before the error
    about that. Damaged utterances are skipped with a `DamagedDataWarning`. Raises `DataError` for a corpus that cannot
    be aligned, is already aligned, or has too many damaged utterances (`training.max_damaged`).
    """
    folder = Path(folder)
    settings = Config(config).settings(registry.training_settings("aligner"))
    before = {} if again else {item.id: item for item in read_manifest(folder, {}) if item.is_aligned}
    if len(before) == len(read_manifest(folder, {})):
        raise DataError(f"{folder}: has durations already; `--again` (in Python again=True) replaces them")
    cache = Path(features) if features else folder / "features"
    kept = folder / "aligner" / PRODUCT
    if before and not aligner and kept.is_file():
        aligner = kept
    loaded = load_pt(aligner) if aligner else _trained(folder, config, cache, device, quiet, on_signal)
    if not isinstance(loaded.module, Aligner):
        raise TrainingError(f"{aligner}: holds a {loaded.record.type}, not an aligner")
    dataset = AlignmentDataset(folder, split="all", audio=loaded.audio, features=cache)
    _leave_aligned(dataset, before)
    progress = Progress(0, quiet)
    progress.prepare(dataset, workers=settings.training.workers)
    damaged = check_damage([dataset], settings.training.max_damaged)
    rows = progress.watch("alignments", range(len(dataset)))
    found = {dataset.name(i): align_one(loaded.module, dataset, i) for i in rows}
    if before:
        warnings.warn(
            f"{folder}: {len(found)} recordings without durations are aligned by {aligner or kept}, and "
            f"{len(before)} keep theirs; `--again` trains an aligner on all of them",
            UnalignedWarning,
            stacklevel=2,
        )
    earlier = _earlier(folder, before)
    reasons = {name: why for name, why in doubts(earlier | found).items() if name in found}
    labels = {
        name: _label(item, loaded.audio.hop_length, reasons.get(name, "")) for name, item in found.items()
    }
    write_labels(folder, labels, forgotten=() if before else None)
    grids = Path(textgrids) if textgrids else folder / "textgrids"
    grids.mkdir(parents=True, exist_ok=True)
    for item in read_manifest(folder, {}):
        if item.is_aligned:
            with replacing(grids / f"{item.id}.TextGrid") as partial:
                partial.write_text(textgrid_of(item, loaded.audio.sample_rate), encoding="utf-8")
    too_short = tuple(item.id for item in dataset.too_short)
    aligned = Aligned(folder, found, too_short, tuple(reasons), damaged)
    _write_scores(aligned, reasons, earlier)
    return aligned


def _label(item: Durations, hop_length: int, doubt: str) -> dict[str, Any]:
    """Manifest fields of an alignment."""
    label = {"label_samples": hop_length, "lead": item.lead, "frames": item.frames.tolist()}
    return label | ({"doubtful": doubt} if doubt else {})


def _leave_aligned(dataset: AlignmentDataset, before: Mapping[str, Utterance]) -> None:
    """Keeps only the utterances without durations; raises `DataError` if there are none."""
    dataset.utterances = [item for item in dataset.utterances if item.id not in before]
    dataset.too_short = [item for item in dataset.too_short if item.id not in before]
    if not dataset.utterances:
        raise DataError(
            f"{dataset.folder}: has durations already, but for {len(dataset.too_short)} recordings with fewer frames "
            "than sounds, which get none; `--again` (in Python again=True) replaces them"
        )


def _earlier(folder: Path, before: Mapping[str, Utterance]) -> dict[str, Durations]:
    """Earlier alignments with their scores from `alignment.tsv`."""
    path = folder / SCORES
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.is_file() else []
    found = {}
    for name, score, *_ in (line.split("\t") for line in lines if line.count("\t") == 2):
        if name in before and score:
            frames = np.asarray(before[name].frames, np.int64)
            found[name] = Durations(round(before[name].lead), frames, float(score))
    return found


def align_one(model: Aligner, dataset: AlignmentDataset, index: int) -> Durations:
    """The most likely alignment of one utterance of a dataset."""
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
    folder: Path,
    config: Config | Mapping[str, Any] | str | None,
    features: Path,
    device: str,
    quiet: bool,
    on_signal: Callable[[int], object] | None,
) -> LoadedModel:
    run = folder / "aligner"
    trainer = Trainer("aligner", config, device)
    product, mark, state = run / PRODUCT, run / CORPUS_MARK, corpus_state(folder)
    is_of_now = mark.is_file() and mark.read_text(encoding="utf-8").strip() == state
    if product.is_file() and is_of_now:
        loaded = load_pt(product)
        if loaded.audio == trainer.settings.audio:
            return loaded
    utterances = read_manifest(folder, {})
    if not all(in_split(utterances, split) for split in ("train", "validation")):
        raise DataError(
            f"{folder}: holds {len(utterances)} utterance{'s' if len(utterances) > 1 else ''} and an aligner needs at "
            "least 2, one of them to be tested on; record more, or use another corpus's with --aligner"
        )
    is_new = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    with replacing(mark) as partial:
        partial.write_text(state + "\n", encoding="utf-8")
    try:
        made = trainer.train(
            folder, run, features=features, quiet=quiet, resume=is_of_now, on_signal=on_signal
        )
    except BaseException:
        if is_new and not (run / LAST).exists():  # no checkpoint to resume from
            shutil.rmtree(run, ignore_errors=True)
        raise
    _check_trained(run, made, trainer.settings.training)
    return load_pt(made)


def corpus_state(folder: Path) -> str:
    """SHA-256 of an aligner's training data except the audio: ids, units and lengths of the utterances."""
    lines = sorted(f"{item.id}\t{item.samples}\t{' '.join(item.units)}" for item in read_manifest(folder, {}))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_trained(run: Path, product: Path, config: TrainingConfig) -> None:
    """Raises `TrainingError` for an interrupted aligner and removes it: the next run resumes from `last.pt`."""
    position = reached(run)
    if not position.is_done(config) and not config.max_minutes:
        product.unlink()
        raise TrainingError(
            f"{run}: its training was stopped at step {position.step} of {config.max_steps}, and nothing is "
            "aligned; the same command goes on"
        )


def _write_scores(aligned: Aligned, reasons: Mapping[str, str], earlier: Mapping[str, Durations]) -> None:
    """`alignment.tsv`: every utterance with its score, worst first; those in `earlier` keep their score."""
    left_out = dict.fromkeys(aligned.too_short, "fewer frames than sounds") | dict(aligned.damaged)
    lines = ["id\tscore\tnote", *(f"{name}\t\t{' '.join(note.split())}" for name, note in left_out.items())]
    for name, item in sorted({**earlier, **aligned.durations}.items(), key=lambda pair: pair[1].score):
        lines.append(f"{name}\t{item.score:.3f}\t{reasons.get(name, '')}")
    with replacing(aligned.folder / SCORES) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
