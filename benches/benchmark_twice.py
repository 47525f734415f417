"""python benches/benchmark_twice.py [--rounds N] [--output]: whether two runs of `kalakan benchmark` agree.

Both measure the voice of the package with both engines, one thread, on whatever else this machine does; compared are
the CPU times beside those of the first subject. With --output writes benches/results/benchmark-twice-cpu-<date>.json.
Exit code 1: two ratios differ by more than a tenth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import compare, read
from kalakan.benchmark.machine import facts, load, today
from synthesis import RESULTS

BOUND = 0.1
"""Greatest difference of two ratios, as a part of the first."""


def run(folder: Path, rounds: int) -> tuple[Path, list[str]]:
    """The file of one run, and the command without the program's path and the folder."""
    options = ["benchmark", "--engine", "onnx", "--engine", "torch", "--rounds", str(rounds)]
    options += ["--no-throughput", "--starts", "1", "--quiet"]
    entry = "from kalakan.cli.main import main; main()"
    command = [sys.executable, "-c", entry, *options, "--output", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "benchmark.json", ["kalakan", *options]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    loads = [load()]
    with tempfile.TemporaryDirectory() as place:
        results = []
        for name in ("one", "two"):
            path, command = run(Path(place) / name, arguments.rounds)
            results.append(read(path))
            loads.append(load())
        changes = [change for change in compare(*results) if change.old.spread]
    worst = max(abs(change.part) for change in changes)
    result = {
        "what": "CPU time beside that of the first subject, in two runs of kalakan benchmark one after the other",
        "command": " ".join(["python", "benches/benchmark_twice.py", *sys.argv[1:]]),
        "runs": " ".join(command),
        "date": today(),
        "machine": facts(),
        "load_before_between_after": loads,
        "ratios": {
            change.name: {
                "first": change.old.median,
                "second": change.new.median,
                "difference": round(change.part, 4),
            }
            for change in changes
        },
        "greatest_difference": round(worst, 4),
        "bound": BOUND,
        "holds": worst <= BOUND,
    }
    content = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if arguments.output:
        (RESULTS / f"benchmark-twice-cpu-{today()}.json").write_text(content, encoding="utf-8")
    sys.stdout.write(content)
    raise SystemExit(0 if result["holds"] else 1)


if __name__ == "__main__":
    main()
