"""Sections one after the other, each in a process of its own, until the time is up."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gpu_bench.settings import Row, Section, Settings

Outcome = dict[str, Any]
"""What became of a section: its "state" ("done", "failed", "cut" or "skipped"), "rows", "seconds" and "why"."""
LEAST_S = 15.0
"""Below this a section is not begun: it takes as long to import torch and to wake the device."""
LINES_OF_ERROR = 15


def run_all(
    sections: Sequence[Section],
    command: Callable[[Section, Path, float], Sequence[str]],
    minutes: float,
    done: Callable[[Section, Outcome], None],
) -> None:
    """Runs `command(section, rows file, its seconds)` for each; `done` hears of every outcome at once."""
    deadline = time.monotonic() + 60 * minutes
    for section in sections:
        left = deadline - time.monotonic()
        if left < LEAST_S:
            why = f"{max(0, left):.0f} s of {minutes:g} minutes were left; ask for it with --only {section.name}"
            done(section, {"state": "skipped", "why": why, "rows": []})
            continue
        limit = min(section.limit_s, left)
        with tempfile.TemporaryDirectory() as work:
            rows = Path(work) / "rows.jsonl"
            done(section, run_process(command(section, rows, limit), rows, limit))


def run_process(command: Sequence[str], rows: Path, limit_s: float) -> Outcome:
    """What a process that appends rows to a file left there, however it ended; it is killed at its limit."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status: int | None = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):  # compilers that it started, too
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        text = said.read()
    outcome: Outcome = {"seconds": round(time.monotonic() - start, 1), "rows": read_rows(rows)}
    if status is None:
        last = text.strip().splitlines()[-1:]
        return outcome | {
            "state": "cut",
            "why": "\n".join([*last, f"it was not through after {limit_s:.0f} s"]),
        }
    if status != 0:
        why = "\n".join(text.strip().splitlines()[-LINES_OF_ERROR:]) or f"it ended with {status}"
        return outcome | {"state": "failed", "status": status, "why": why}
    return outcome | {"state": "done"}


def run_here(section: Section, settings: Settings) -> Outcome:
    """The same in this process: for a dry run, which no kernel can break."""
    start, rows = time.monotonic(), []
    outcome: Outcome = {"state": "done"}
    try:
        for row in section.rows(settings):
            rows.append(row)
    except Exception:  # whatever it is belongs to this section, and is shown
        outcome = {"state": "failed", "why": traceback.format_exc()}
    return outcome | {"seconds": round(time.monotonic() - start, 1), "rows": rows}


def append_rows(found: Iterator[Row], path: Path) -> None:
    """Writes each row as a line at once: a process that is killed leaves those it has."""
    with path.open("a", encoding="utf-8") as file:
        for row in found:
            file.write(json.dumps(row) + "\n")
            file.flush()
            sys.stderr.write(f"{json.dumps(row)}\n")


def read_rows(path: Path) -> list[Row]:
    """The whole lines of a file of rows; none where there is no file."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
