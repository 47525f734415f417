"""From a fresh clone and environment to a voice of one's own that speaks: README's commands, timed one by one.

    python benches/first_voice.py RECORDINGS [--set KEY=VALUE ...] [--output FILE]

RECORDINGS is what `kalakan prepare` reads. Everything happens in a temporary folder, and the voice is deleted with it.
Wall-clock time is the newcomer's; CPU time does not depend on what else runs. Packages come from pip's cache or the
network, whichever has them.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from kept import keep, record

TREE = Path(__file__).parents[1]
SPOKEN = "Akwaaba! Wo ho te sɛn?"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--set", dest="changes", action="append", default=[], help="as of kalakan train")
    parser.add_argument("--output", type=Path, help="results, JSON")
    options = parser.parse_args()
    given = [word for change in options.changes for word in ("--set", change)]
    head = record(
        "README's way from a fresh clone and environment to a voice of one's own that speaks",
        ["RECORDINGS", *given],
    )
    del head["machine"]["packages"]  # of this environment, not of the fresh one
    steps: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="kalakan-first-voice-") as name:
        home = Path(name)
        clone, programs, mine = home / "kalakan", home / "venv" / "bin", home / "mine"
        commands: dict[str, Sequence[str | Path]] = {
            "clone": ["git", "clone", "--quiet", TREE, clone],
            "environment": [sys.executable, "-m", "venv", home / "venv"],
            "install": [programs / "pip", "install", "--quiet", ".[train]"],
            "train": [
                *(programs / "kalakan", "train", "--recipe", "my_voice"),
                *("--data-dir", options.recordings.resolve(), "--output-dir", mine, *given),
            ],
            "synthesize": [
                *(programs / "kalakan", "synthesize", SPOKEN, "--voice", mine / "voice"),
                *("-o", home / "akwaaba.wav"),
            ],
        }
        for what, command in commands.items():
            steps[what] = timed(command, clone if clone.is_dir() else home)
        found: dict[str, Any] = {
            "steps": steps,
            "wall_minutes": round(sum(step["wall_s"] for step in steps.values()) / 60, 1),
            "cpu_minutes": round(sum(step["cpu_s"] for step in steps.values()) / 60, 1),
            "utterances": sum(1 for _ in (mine / "corpus" / "meta.jsonl").open(encoding="utf-8")),
            "exported": sorted(path.name for path in (mine / "voice").iterdir()),
            "page": (mine / "evaluation" / "index.html").is_file(),
            "spoken_s": round(soundfile.info(home / "akwaaba.wav").duration, 2),
        }
    keep(head | found, "first-voice-cpu", options.output)


def timed(command: Sequence[str | Path], folder: Path) -> dict[str, float]:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(list(map(str, command)), check=True, cwd=folder, stdout=sys.stderr, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(time.perf_counter() - begin, 1), "cpu_s": round(cpu, 1)}


if __name__ == "__main__":
    main()
