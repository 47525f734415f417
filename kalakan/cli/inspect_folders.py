"""What `kalakan inspect` shows for a corpus, a run, and a run's log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from kalakan.errors import DataError
from kalakan.storage import native_path


def corpus_facts(folder: Path) -> dict[str, Any]:
    """Utterances, minutes, speakers and splits of a corpus folder; raises `DataError` for a damaged one."""
    import soundfile

    from kalakan.data.manifest import SPLITS, read_manifest

    utterances = read_manifest(folder)
    rate = soundfile.info(native_path(utterances[0].audio)).samplerate
    samples = Counter[str]()
    for item in utterances:
        samples[item.speaker] += item.samples
    splits = Counter(item.split for item in utterances)
    return {
        "kind": "corpus",
        "utterances": len(utterances),
        "aligned": sum(item.is_aligned for item in utterances),
        "sample_rate": rate,
        "minutes": round(samples.total() / rate / 60, 1),
        "minutes_of": {name: round(count / rate / 60, 1) for name, count in sorted(samples.items())},
        "splits": {name: splits[name] for name in SPLITS},
    }


def log_facts(path: Path) -> dict[str, Any]:
    """The last line of each group of a run's `metrics.jsonl`; raises `DataError` for a damaged one."""
    from kalakan.data.manifest import read_records

    last: dict[str, Any] = {}
    count = 0
    for _, record in read_records(path):
        count += 1
        last[str(record.get("group"))] = {
            key: value for key, value in record.items() if key not in ("group", "time")
        }
    if not count:
        raise DataError(f"{path}: is empty; the run has logged nothing yet")
    return {"lines": count, **last}


def run_facts(folder: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A run folder: its last checkpoint, the state of its log, and what else it holds."""
    log = folder / "metrics.jsonl"
    return {
        "kind": "run",
        **{key: value for key, value in checkpoint.items() if key != "kind"},
        "log": log_facts(log) if log.is_file() and log.stat().st_size else {},
        "holds": sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")),
    }
