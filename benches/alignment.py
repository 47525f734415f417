"""How well `kalakan align` finds times that are known: boundaries, F0, and a model trained with either durations.

python benches/alignment.py CORPUS --work FOLDER --output benches/results/alignment-DATE.json [--train-steps 150]

CORPUS has durations and F0; the work folder gets a copy of its manifest without them, and what was aligned before is
used again. The aligner learns from everything but the test split; boundaries and F0 are those of the test split.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kalakan import __version__
from kalakan.audio.pitch import frame_f0
from kalakan.config.schema import AudioConfig
from kalakan.data.alignment_states import states_of
from kalakan.data.features import FeatureStore
from kalakan.data.manifest import Utterance, read_manifest
from kalakan.training.align import align
from kalakan.training.trainer import Trainer

LABELS = ("frames", "lead", "tail", "f0")
LIMIT_MS = 50.0


def main() -> None:
    """Measures, prints and writes a report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--f0-utterances", type=int, default=40)
    parser.add_argument(
        "--train-steps", type=int, default=0, help="steps of fastspeech2_small with each durations"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    features = options.features or options.work / "features"
    copy_unlabelled(options.corpus, options.work)
    if not any(item.is_aligned for item in read_manifest(options.work)):
        align(options.work, features=features)
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "kalakan": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, CPU",
        "command": command_of(options),
        "boundaries": compare_boundaries(options.corpus, options.work),
        "f0": compare_f0(options.corpus, features, options.f0_utterances),
    }
    if options.train_steps:
        report["training"] = compare_training(options.corpus, options.work, features, options.train_steps)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    print(text)  # noqa: T201
    if options.output:
        options.output.write_text(text, encoding="utf-8")


def command_of(options: argparse.Namespace) -> str:
    """The command with the names of the folders in place of where they lie on this machine."""
    parts = ["python", "benches/alignment.py", options.corpus.name, "--work", options.work.name]
    parts += ["--f0-utterances", str(options.f0_utterances)]
    if options.train_steps:
        parts += ["--train-steps", str(options.train_steps)]
    return shlex.join(parts)


def copy_unlabelled(corpus: Path, work: Path) -> None:
    """The corpus without durations and F0, its audio linked; nothing if it is there."""
    if (work / "meta.jsonl").is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    (work / "audio").symlink_to((corpus / "audio").resolve())
    records = map(json.loads, (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines())
    lines = [
        json.dumps({key: value for key, value in record.items() if key not in LABELS}, ensure_ascii=False)
        for record in records
    ]
    (work / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compare_boundaries(corpus: Path, work: Path) -> dict[str, Any]:
    """Errors of the starts and ends of all sounds of the test split."""
    found = {item.id: item for item in read_manifest(work)}
    errors: list[float] = []
    inside: list[float] = []
    for true in read_manifest(corpus):
        if true.is_test and found[true.id].is_aligned:
            every, within = boundary_errors(true, found[true.id])
            errors += every
            inside += within
    return {"all": statistics(errors), "inside_words": statistics(inside)}


def boundary_errors(true: Utterance, found: Utterance) -> tuple[list[float], list[float]]:
    """Milliseconds from true to found: starts and ends of sounds; and borders of two sounds of one word."""
    states = states_of(true)
    sounds = states.owners[~states.optional]
    edges = [edges_ms(item) for item in (true, found)]
    errors = [float(edges[1][place] - edges[0][place]) for unit in sounds for place in (unit, unit + 1)]
    known = set(sounds.tolist())
    borders = [unit for unit in sounds if unit - 1 in known]
    return errors, [float(edges[1][place] - edges[0][place]) for place in borders]


def edges_ms(item: Utterance) -> np.ndarray:
    """Start of the first unit and end of each unit in ms [N + 1]."""
    edges: np.ndarray = np.cumsum([item.lead, *item.frames]) * item.label_samples / 24.0
    return edges


def statistics(errors: list[float]) -> dict[str, float]:
    """Size of boundary errors in ms."""
    size = np.abs(errors)
    return {
        "boundaries": len(errors),
        "median_ms": round(float(np.median(size)), 2),
        "mean_ms": round(float(size.mean()), 2),
        "within_25_ms_percent": round(100 * float(np.mean(size <= 25.0)), 2),
        "within_50_ms_percent": round(100 * float(np.mean(size <= LIMIT_MS)), 2),
        "bias_ms": round(float(np.mean(errors)), 2),
    }


def compare_f0(corpus: Path, features: Path, most: int) -> dict[str, float]:
    """What Praat hears beside the corpus's F0, over utterances spread over the test split."""
    audio = AudioConfig()
    store = FeatureStore(features, audio)
    test = [item for item in read_manifest(corpus) if item.is_test]
    chosen = [test[i * len(test) // most] for i in range(min(most, len(test)))]
    true = np.concatenate([store.f0(item) for item in chosen])
    heard = np.concatenate([frame_f0(store.audio(item), audio) for item in chosen])
    both = (true > 0) & (heard > 0)
    steps = 12 * np.log2(heard[both] / true[both])
    return {
        "utterances": len(chosen),
        "frames": len(true),
        "voicing_error_percent": round(100 * float(np.mean((true > 0) != (heard > 0))), 2),
        "voiced_and_not_heard_percent": round(100 * float(np.mean((true > 0) & (heard == 0))), 2),
        "heard_and_not_voiced_percent": round(100 * float(np.mean((true == 0) & (heard > 0))), 2),
        "median_semitones": round(float(np.median(np.abs(steps))), 3),
        "rms_semitones": round(float(np.sqrt(np.mean(steps**2))), 3),
        "off_by_3_semitones_percent": round(100 * float(np.mean(np.abs(steps) > 3)), 2),
    }


def compare_training(corpus: Path, work: Path, features: Path, steps: int) -> dict[str, Any]:
    """Mel L1 of fastspeech2_small on the test split after the same steps with true and with learned durations."""
    learned = work / "learned"
    with_labels(corpus, work, learned)
    training = {
        "max_steps": steps,
        "validate_every": steps,
        "checkpoint_every": steps,
        "picture_every": steps,
        "warmup_steps": max(1, steps // 5),
        "ema_decay": 0.95,
        "batch_size": 8,
    }
    losses = {}
    for name, folder in (("true", corpus), ("learned", learned)):
        run = work / f"run-{name}-{steps}"
        Trainer("fastspeech2_small", {"training": training}).train(folder, run, features=features)
        lines = map(json.loads, (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        losses[name] = [line["mel"] for line in lines if line["group"] == "validation"][-1]
    return {
        "model": "fastspeech2_small",
        "steps": steps,
        "batch_size": 8,
        "mel_l1_true_durations": round(losses["true"], 4),
        "mel_l1_learned_durations": round(losses["learned"], 4),
        "ratio": round(losses["learned"] / losses["true"], 4),
    }


def with_labels(corpus: Path, work: Path, folder: Path) -> None:
    """The corpus as it is (tones, F0), but with the durations of the work folder."""
    folder.mkdir(exist_ok=True)
    if not (folder / "audio").exists():
        (folder / "audio").symlink_to((corpus / "audio").resolve())
    found = {item.id: item for item in read_manifest(work)}
    lines = []
    for line in (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        item = found[record["id"]]
        record |= {"frames": item.frames, "lead": item.lead, "label_samples": item.label_samples}
        lines.append(json.dumps(record, ensure_ascii=False))
    (folder / "meta.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
