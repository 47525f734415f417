"""python benches/suites.py [SUITE ...] [--output FOLDER]: the suites `test_*.py`, each way beside its baseline.

`make bench` runs this. Writes FOLDER/suites-<machine>-<date>.json (default: benches/results); the machine is its
processor and number of cores. Some suites alone replace those of a file of the same day, and only those. Each benchmark
asserts that way and baseline give the same before it times them in turns. `compare.py` compares two such files.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kalakan.benchmark.machine import facts, load, today

HERE = Path(__file__).parent
SUITES = ("text", "dsp", "ops", "models", "synthesis", "pipeline", "server", "start_up")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; default: all")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of the result")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(SUITES)
    if unknown:
        parser.error(f"no suite is called {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    suites = arguments.suites or list(SUITES)
    machine = facts()
    found = reduced(run(suites))
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"suites-{machine_name(machine)}-{today()}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if arguments.suites and path.exists() else {}
    command = " ".join(["python", "benches/suites.py", *sys.argv[1:]])
    record = {
        "what": "suites of benches/: each way beside its baseline, in turns, after both gave the same",
        "commands": [*before.get("commands", []), command],
        "date": today(),
        "machine": {**machine, "load_1_min_after": load()},
        "suites": {**before.get("suites", {}), **found},
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{path}\n")


def run(suites: list[str]) -> list[dict[str, Any]]:
    """The benchmarks of the suites, as pytest-benchmark writes them; ends the program where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", "-q", "--benchmark-json", str(report)]
        # Not the marks of the tests' own configuration, which skips benchmarks.
        command += ["-o", "addopts=--import-mode=importlib", "--timeout=1200", "--benchmark-disable-gc"]
        command += [str(HERE / f"test_{suite}.py") for suite in suites]
        env = {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", **os.environ}
        done = subprocess.run(command, check=False, env=env)
        if done.returncode != 0:
            raise SystemExit(f"pytest ended with {done.returncode}; nothing was written")
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["benchmarks"]
    return found


def reduced(benchmarks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What counts of each benchmark, by suite and name: seconds a round, and the ratio to the baseline."""
    suites: dict[str, dict[str, Any]] = {}
    for benchmark in benchmarks:
        stats = benchmark["stats"]
        suites.setdefault(benchmark["group"], {})[benchmark["name"].removeprefix("test_")] = {
            "seconds": {name: float(f"{stats[name]:.4g}") for name in ("median", "iqr", "min")},
            "rounds": stats["rounds"],
            "timer": benchmark["options"]["timer"],
            **benchmark["extra_info"],
        }
    return suites


def machine_name(machine: dict[str, Any]) -> str:
    """Processor and cores as part of a file's name."""
    words = re.sub(r"\([^)]*\)|@.*|\bCPU\b", " ", machine["cpu"]).split()
    return "-".join(
        re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in [*words, "x", str(machine["cores"])]
    )


if __name__ == "__main__":
    main()
