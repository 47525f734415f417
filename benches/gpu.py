"""python benches/gpu.py [first] [--sanitize] [--training] [--minutes N] [--only SECTIONS] [--output FOLDER]

The figures of a GPU. `first` is one process of at most four and a half minutes, for a machine that is lent for a
quarter of an hour: are the kernels right, is HiFi-GAN V1 faster, where does the time go (`gpu_bench/first.py`). Kalakan
is installed there as a wheel, and the checkout is not on PYTHONPATH. Without `first`:


Builds the kernels, compares every implementation of every op with float64 on fresh numbers, and times them, the whole
generator of HiFi-GAN V1 and text to audio against torch eager, torch.compile and TensorRT; `--sanitize` adds
compute-sanitizer, `--training` steps a second of the Trainer. Each section is a process of its own: one that fails is
recorded, the others run, and the exit status is 1. What does not fit into `--minutes` is skipped and named. Writes
<gpu>-<date>.json to benches/results/, adding to a file of the same day; prints a table, and what was promised beside
what was measured. `--dry-run` walks through everything on the CPU at tiny sizes.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from gpu_bench.report import load_result, table, update, write
from gpu_bench.running import Outcome, append_rows, run_all, run_here
from gpu_bench.sanitize import CASES, make_calls
from gpu_bench.settings import SECTIONS, Section, Settings, chosen, named

RESULTS = Path(__file__).parent / "results"


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    settings = Settings("cpu", 2, is_dry=True) if arguments.dry_run else Settings("cuda", arguments.rounds)
    if arguments.sanitized_calls:
        made = make_calls(settings.device, arguments.sanitized_calls, arguments.sanitized_only)
        sys.stdout.write(f"{made} calls made\n")
        return 0
    if arguments.section:
        append_rows(named(arguments.section).rows(replace(settings, limit_s=arguments.limit)), arguments.rows)
        return 0
    if not arguments.dry_run and not torch.cuda.is_available():
        sys.exit("benches/gpu.py: torch finds no CUDA device; --dry-run needs none")
    options = frozenset(name for name in ("sanitize", "training") if getattr(arguments, name))
    try:
        sections = chosen(arguments.what or arguments.only, options)
    except ValueError as error:
        sys.exit(f"benches/gpu.py: --only: {error}")
    return measure(sections, arguments)


def measure(sections: Sequence[Section], arguments: argparse.Namespace) -> int:
    """Runs the sections and keeps the file of results up to date after each; the exit status."""
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    gpu = "dry-run" if arguments.dry_run else re.sub(r"[^\w.-]+", "-", torch.cuda.get_device_name())
    path = arguments.output / f"{gpu}-{date}.json"
    result = {"gpu": gpu, "date": date, **load_result(path)}
    states: list[str] = []

    def done(section: Section, outcome: Outcome) -> None:
        states.append(outcome["state"])
        update(result, section.name, outcome, f"python benches/gpu.py --only {section.name}")
        write(result, path)
        sys.stderr.write(f"{section.name}: {outcome['state']}\n")

    if arguments.dry_run:
        for section in sections:
            done(section, run_here(section, Settings("cpu", 2, is_dry=True)))
    else:
        run_all(sections, lambda *given: _command(*given, arguments.rounds), arguments.minutes, done)
    sys.stdout.write("\n".join(table(result)) + "\n")
    return int(any(state in ("failed", "cut") for state in states))


def _command(section: Section, rows: Path, limit: float, rounds: int) -> list[str]:
    options = ["--section", section.name, "--rows", str(rows), "--limit", str(limit), "--rounds", str(rounds)]
    return [sys.executable, str(Path(__file__)), *options]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("first",), help="a first run in one process")
    parser.add_argument("--rounds", type=int, default=30, help="timed calls of each case")
    parser.add_argument("--minutes", type=float, default=9, help="after which no section is begun or goes on")
    parser.add_argument("--sanitize", action="store_true", help="run compute-sanitizer, too")
    parser.add_argument("--training", action="store_true", help="time training, too")
    names = ", ".join(section.name for section in SECTIONS)
    parser.add_argument("--only", default="", help=f"sections between commas, in place of all: {names}")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the file of results")
    parser.add_argument(
        "--dry-run", action="store_true", help="tiny sizes on the CPU; the figures mean nothing"
    )
    for option in ("--section", "--rows", "--limit"):  # how it starts itself for one section
        kind = {"--rows": Path, "--limit": float}.get(option, str)
        parser.add_argument(option, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--sanitized-calls", type=int, nargs="?", const=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--sanitized-only", default="", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
