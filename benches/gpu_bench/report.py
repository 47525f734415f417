"""The file of results, and the table that is read first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gpu_bench.running import Outcome
from gpu_bench.targets import as_rows, targets

Result = dict[str, Any]
FIGURES = ("ms", "rtf", "steps_per_s", "gb_per_s", "tflop_per_s", "error", "allocated_mb", "reserved_mb")
"""What a line of the table shows of a measurement, in this order."""


def load_result(path: Path) -> Result:
    """An earlier result of the same day, whose sections this run adds to or replaces; empty where there is none."""
    if not path.is_file():
        return {"sections": {}}
    found: Result = json.loads(path.read_text(encoding="utf-8"))
    return found


def update(result: Result, name: str, outcome: Outcome, command: str) -> None:
    """Puts a section's outcome in, unless that would replace rows by none."""
    before = result["sections"].get(name)
    if before and before["rows"] and not outcome["rows"] and outcome["state"] == "skipped":
        return
    result["sections"][name] = {**outcome, "command": command}
    result["targets"] = as_rows(targets(result["sections"]))


def write(result: Result, path: Path) -> None:
    """Replaces the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def table(result: Result) -> Iterator[str]:
    """Lines: each section with its figures, then the targets, last what did not go well."""
    for name, outcome in result["sections"].items():
        yield f"== {name}: {outcome['state']} in {outcome.get('seconds', 0)} s"
        for row in outcome["rows"]:
            yield from _row_lines(row)
    yield "== targets"
    for target in result.get("targets", []):
        yield f"{target['target']:<62} {_number(target['measured']):>10}  {target['verdict']}"
        if target["floor"]:
            yield f"{'':<62} {'floor':>10}  {target['floor']}"
    for name, outcome in result["sections"].items():
        if outcome["state"] != "done":
            yield f"!! {name} {outcome['state']}: {outcome['why']}"


def _row_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """The row itself if it has figures, and each of its measurements."""
    parts = {"": row, **_measurements(row)}
    for name, part in parts.items():
        shown = [f"{key} {_number(part[key])}" for key in FIGURES if key in part]
        shown += [
            f"{key}: {part[key]}" for key in ("unavailable", "skipped", "wrong", "how", "said") if key in part
        ]
        if shown:
            yield f"  {row['case']:<52} {name:<22} {'  '.join(shown)}"


def _measurements(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            inner = {name: each for name, each in value.items() if isinstance(each, Mapping)}
            found |= inner or {key: value}
    return found


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else "-" if value is None else str(value)
