"""How efficient a training run was, from the log in its folder."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from kalakan.data.manifest import read_records
from kalakan.errors import DataError

LOG = "metrics.jsonl"
WAIT_LIMIT = 0.1
"""Fraction of the time that steps may wait for data."""
Record = dict[str, Any]


def efficiency(folder: str | Path) -> Record:
    """Time per step and epoch, the fraction of it that waited for data, cores and GPU memory in use, and convergence.

    Figures that the log does not have are None. Raises `DataError` for a folder without a log, or with a log without
    steps.
    """
    path = Path(folder) / LOG
    if not path.is_file():
        inside = sorted(str(found.parent) for found in Path(folder).glob(f"*/{LOG}"))
        way = f"give one of {', '.join(inside)}" if inside else "give the folder of a training run"
        raise DataError(f"{path}: is not there; {way}")
    groups: dict[str, list[Record]] = {}
    for _, record in read_records(path):
        groups.setdefault(str(record.get("group")), []).append(record)
    steps = groups.get("train", [])
    if not steps:
        raise DataError(
            f"{path}: holds no training step; the run has only begun, or had fewer steps than training.log_every"
        )
    return {
        "steps": steps[-1]["step"],
        "s_per_step": _per_step(steps),
        **_times(groups.get("time", [])),
        **_convergence(groups.get("validation", [])),
    }


def lines(found: Record) -> Iterator[str]:
    """The same as text, with advice."""

    def shown(name: str, unit: str, digits: int = 3) -> str:
        value = found[name]
        return "not logged" if value is None else f"{value:.{digits}f}{unit}"

    yield f"steps {found['steps']}, {shown('s_per_step', ' s')} each; an epoch takes {shown('s_per_epoch', ' s', 1)}"
    wait = found["data_wait"]
    share = "not logged" if wait is None else f"{wait:.1%} of the time"
    yield (
        f"waited for data: {share}; cores busy: {shown('cores_busy', '', 2)}; "
        f"items a second: {shown('items_per_s', '', 1)}"
    )
    if found["gpu_peak_mb"] is not None:
        yield f"GPU memory at the peak: {found['gpu_peak_mb']:.0f} MB"
    if found["validations"]:
        yield (
            f"validation score {found['first_score']:.4f} at first, {found['best_score']:.4f} at best (step "
            f"{found['best_step']}), {found['last_score']:.4f} at last; "
            f"{found['gain_in_last_quarter']:+.4f} in the last quarter of the validations"
        )
    yield from _advice(found)


def _advice(found: Record) -> Iterator[str]:
    if found["data_wait"] is not None and found["data_wait"] > WAIT_LIMIT:
        yield "advice: steps wait for data; set training.workers=2 or more"
    if found["validations"] >= 4 and found["gain_in_last_quarter"] <= 0:
        yield "advice: the score has stopped improving; end the run, or lower training.learning_rate"


def _per_step(records: Sequence[Record]) -> float | None:
    """Median seconds per step between log lines; a resumed run has one long gap."""
    rates = [
        (after["time"] - before["time"]) / (after["step"] - before["step"])
        for before, after in pairwise(records)
        if after["step"] > before["step"]
    ]
    return statistics.median(rates) if rates else None


def _times(records: Sequence[Record]) -> Record:
    if not records:
        return dict.fromkeys(("s_per_epoch", "data_wait", "cores_busy", "items_per_s", "gpu_peak_mb"))
    total = {
        name: sum(record[name] for record in records) for name in ("waited_s", "computed_s", "cpu_s", "items")
    }
    seconds = max(total["waited_s"] + total["computed_s"], 1e-9)
    rate = total["items"] / seconds
    peaks = [record["gpu_peak_mb"] for record in records if record.get("gpu_peak_mb") is not None]
    return {
        "s_per_epoch": records[-1]["items_of_epoch"] / rate if rate else None,
        "data_wait": total["waited_s"] / seconds,
        "cores_busy": total["cpu_s"] / seconds,
        "items_per_s": rate,
        "gpu_peak_mb": max(peaks, default=None),
    }


def _convergence(records: Sequence[Record]) -> Record:
    """Validation scores (lower is better); non-finite scores are left out."""
    scored = [record for record in records if record.get("score") is not None]
    if not scored:
        return {"validations": 0}
    best = min(scored, key=lambda record: float(record["score"]))
    recent = len(scored) - max(1, len(scored) // 4)
    before = min((record["score"] for record in scored[:recent]), default=scored[0]["score"])
    return {
        "validations": len(scored),
        "first_score": scored[0]["score"],
        "best_score": best["score"],
        "best_step": best["step"],
        "last_score": scored[-1]["score"],
        "gain_in_last_quarter": before - min(record["score"] for record in scored[recent:]),
    }
