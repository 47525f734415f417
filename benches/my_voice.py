"""What minutes of recordings give: the recipe `my_voice` on parts of one speaker's clips, measured on held-out ones.

    python benches/my_voice.py CLIPS.tsv --audio CLIPS --minutes 1 5 --output results/my_voice-cpu-DATE.json

A speaker that the default voice learned from shows nothing: `--start-from` takes a voice that did not learn from them.
Every voice is made in a temporary folder, measured and deleted: nobody's voice is kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kalakan.data.preparation.prepare import prepare
from kalakan.evaluation.evaluate import evaluate
from kalakan.evaluation.report import describe_run
from kalakan.recipes.my_voice import MEASURED
from kalakan.voices.package import load_voice
from kept import keep, record

TESTED = 16
"""Clips that no voice learns from."""
VALIDATED = 2
"""Clips of each part that choose its best checkpoint."""
SCORES = {
    "mel_l1_given_durations": ("given", "mel_l1"),
    "mcd_db_free": ("free", "mcd_db"),
    "f0_rmse_semitones": ("pitch", "natural", "rmse_semitones"),
    "voicing_error_percent": ("pitch", "natural", "voicing_error_percent"),
    "duration_error_ms": ("durations", "mean_absolute_error_ms"),
    "copy_mel_l1": ("copy", "mel_l1"),
    "copy_pesq": ("copy", "pesq"),
}
"""What is kept of a report."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, help="path, speaker and sentence of each clip")
    parser.add_argument("--speaker", help="whose clips; default: the most frequent speaker's")
    parser.add_argument("--audio", type=Path, required=True, help="folder of the clips")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 5.0], help="lengths of the parts")
    parser.add_argument("--start-from", type=Path, help="voice to begin with; default: the default voice")
    parser.add_argument("--set", dest="changes", action="append", default=[], help="as of kalakan train")
    parser.add_argument("--output", type=Path, required=True, help="results, JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kalakan-voice-") as folder:
        measure(Path(folder), options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Writes the results after every part."""
    head = beginning(options)
    records = [
        json.loads(line) for line in prepared(folder, options).read_text(encoding="utf-8").splitlines()
    ]
    rate, rows = 24_000, list[dict[str, Any]]()
    for minutes in options.minutes:
        part, seconds = chosen(records, minutes * 60, rate)
        home = folder / f"{minutes:g}"
        corpus = home / "corpus"
        corpus.mkdir(parents=True)
        (corpus / "audio").symlink_to(folder / "corpus" / "audio")
        text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in part)
        (corpus / "meta.jsonl").write_text(text, encoding="utf-8")
        before = cpu_seconds()
        command = [
            "train",
            "--recipe",
            "my_voice",
            "--data-dir",
            str(corpus),
            "--output-dir",
            str(home / "run"),
        ]
        if options.start_from:
            command += ["--start-from", str(options.start_from)]
        for change in options.changes:
            command += ["--set", change]
        subprocess.run([sys.executable, "-m", "kalakan", *command], check=True)
        spent = cpu_seconds() - before
        report = json.loads((home / "run" / "evaluation" / "report.json").read_text(encoding="utf-8"))
        rows.append(
            {
                "minutes": round(seconds / 60, 2),
                "clips": sum(item["split"] == "train" for item in part),
                "cpu_minutes": round(spent / 60, 1),
                "steps": steps(home / "run"),
                "scores": kept(report),
                "default_voice": kept(unlearned(corpus, home, options.start_from)),
            }
        )
        told = {"rows": sorted(rows, key=lambda row: row["minutes"])}
        keep(head | told, "my_voice-cpu", options.output)


def prepared(folder: Path, options: argparse.Namespace) -> Path:
    """The manifest of a corpus of one speaker's clips."""
    with options.table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    ((frequent, _),) = Counter(line["speaker"] for line in lines).most_common(1)
    name = options.speaker or frequent
    source = folder / "source"
    (source / "clips").mkdir(parents=True)
    with (source / "clips.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(("path", "sentence"))
        for line in lines:
            if line["speaker"] == name:
                (source / "clips" / line["path"]).symlink_to((options.audio / line["path"]).resolve())
                writer.writerow((line["path"], line["sentence"]))
    # The voice to begin with is measured as its speaker kwame; the name means nothing for the voices that are made.
    prepare(source, folder / "corpus", speaker="kwame")
    return folder / "corpus" / "meta.jsonl"


def chosen(
    records: Sequence[dict[str, Any]], seconds: float, rate: int
) -> tuple[list[dict[str, Any]], float]:
    """A part with the test clips, which are the same in every part, and the seconds of its other clips."""
    by_id = sorted(records, key=lambda item: item["id"])
    tested, rest = by_id[:: len(by_id) // TESTED][:TESTED], []
    length = 0.0
    for item in by_id:
        if item not in tested and length < seconds:
            rest.append(item)
            length += item["samples"] / rate
    splits = ["test"] * len(tested) + ["validation"] * VALIDATED + ["train"] * (len(rest) - VALIDATED)
    return [{**item, "split": split} for item, split in zip([*tested, *rest], splits, strict=True)], length


def unlearned(corpus: Path, home: Path, start: Path | None) -> dict[str, Any]:
    """Report on the voice that the recipe starts from, on the same clips."""
    return evaluate(load_voice(start), corpus, output=home / "default", limit=MEASURED, ask_mos=False)


def kept(report: dict[str, Any]) -> dict[str, float | None]:
    found = {}
    for name, place in SCORES.items():
        value: Any = report["results"]["all"]
        for key in place:
            value = value[key]
        found[name] = None if value is None else round(float(value), 3)
    return found


def steps(run: Path) -> dict[str, int]:
    """The steps that each run took: patience ends it before its last one."""
    return {
        path.parent.name: max(
            json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines()
        )
        for path in sorted(run.glob("*/metrics.jsonl"))
    }


def cpu_seconds() -> float:
    """CPU time of the processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def beginning(options: argparse.Namespace) -> dict[str, Any]:
    """The head of the results."""
    start = load_voice(options.start_from).manifest
    whose = ["--speaker", options.speaker] if options.speaker else []
    begun = ["--start-from", "VOICE"] if options.start_from else []
    changes = [word for change in options.changes for word in ("--set", change)]
    minutes = [f"{value:g}" for value in options.minutes]
    return record(
        "voices of one speaker's minutes, measured on clips that none of them learned from",
        ["CLIPS.tsv", "--audio", "CLIPS", "--minutes", *minutes, *whose, *begun, *changes],
        start={"name": start.name, "version": start.version},
        measured_with=describe_run("")["packages"],
    )


if __name__ == "__main__":
    main()
