"""python benches/instructions.py [--output] [--limit 0.05]: instructions of the Rust hot paths, counted by callgrind.

CI runs this: counts do not depend on what else the machine does. A pass is a quarter of what five passes need more
than one, so that start-up and empty caches do not count. Each count is compared with `results/instructions.json` and
may be above it by --limit (hash tables order words at random, which moves some by 3 %; a count above its limit is
taken twice more, and the smallest is compared) where compiler and instructions are of that file. Another compiler, or
a machine without AVX2, makes other code: then only what is above by OTHER_LIMIT fails, and a line says so. --output
writes the file anew: after a change worth its instructions, and after an upgrade of the compiler. Needs valgrind and
cargo. Exit code 1: a path needs more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from kalakan.benchmark.machine import today

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "benches/results/instructions.json"
LIMIT, OTHER_LIMIT = 0.05, 0.3
RENEW = "python benches/instructions.py --output"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", action="store_true", help=f"write {BASELINE.relative_to(ROOT)}")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, help="part by which a count may grow; default: %(default)s"
    )
    arguments = parser.parse_args()
    if not 0 <= arguments.limit < 10:
        parser.error(f"--limit is {arguments.limit}; it must be from 0 to 10, 0.05 for five per cent")
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed; on Debian: apt install valgrind")
    found = measure()
    if arguments.output:
        BASELINE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{BASELINE}\n")
        return
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    lines, fails = verdicts(baseline, found, arguments.limit)
    if fails:  # chance must not be called growth: the smallest of more counts decides
        found = fewest(found, measure(), measure())
        lines, fails = verdicts(baseline, found, arguments.limit)
    sys.stdout.write("\n".join(lines) + "\n")
    raise SystemExit(1 if fails else 0)


def measure() -> dict[str, Any]:
    """Builds the program of the hot paths and counts each of them."""
    program = build()
    machine, *paths = subprocess.run(
        [program], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {
        "what": "instructions of one pass of each hot path: rust/kalakan-hot-paths under callgrind",
        "command": " ".join(["python", "benches/instructions.py", *sys.argv[1:]]),
        "date": today(),
        "rustc": subprocess.run(["rustc", "-V"], check=True, capture_output=True, text=True).stdout.strip(),
        "instructions": machine,
        "counts": {path: (count(program, path, 5) - count(program, path, 1)) // 4 for path in paths},
    }


def fewest(first: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """The first measurement with the smallest count of each path."""
    counts = {path: min(found["counts"][path] for found in (first, *others)) for path in first["counts"]}
    return {**first, "counts": counts}


def build() -> Path:
    """Compiles the program; its path."""
    command = ["cargo", "build", "--release", "--package", "kalakan-hot-paths", "--message-format", "json"]
    told = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    messages = (json.loads(line) for line in told.splitlines())
    return next(Path(found["executable"]) for found in messages if found.get("executable"))


def count(program: Path, path: str, passes: int) -> int:
    """Instructions of so many passes and of the program's start."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        str(program),
        path,
        str(passes),
    ]
    # The C library's copies of each processor differ in their instructions, and so would the counts.
    env = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-ERMS,-FSRM"}
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stderr
    found = re.search(r"Collected : (\d+)", told)
    if found is None:
        raise SystemExit(f"callgrind says no number:\n{told}")
    return int(found[1])


def verdicts(baseline: dict[str, Any], found: dict[str, Any], limit: float) -> tuple[list[str], bool]:
    """A line for each path, and whether one needs more instructions than its limit allows.

    A path without a count in the baseline fails too: a new one is written there with the change that brings it.
    """
    is_same = all(baseline[name] == found[name] for name in ("rustc", "instructions"))
    lines = []
    if not is_same:
        limit = max(limit, OTHER_LIMIT)
        lines.append(
            f"the baseline is of {baseline['rustc']}, {baseline['instructions']}; this is {found['rustc']}, "
            f"{found['instructions']}: only growth above {limit:.0%} counts; renew it with {RENEW}"
        )
    fails = False
    for path, instructions in found["counts"].items():
        before = baseline["counts"].get(path)
        if before is None:
            lines.append(f"{path:>14} {instructions:>12,} is not in the baseline; {RENEW}")
            fails = True
            continue
        part = instructions / before - 1
        mark = ""
        if part > limit:
            mark, fails = f"  MORE THAN {limit:.0%}: mend it, or if it is worth it: {RENEW}", True
        elif part < -limit:
            mark = f"  fewer; so that it stays so: {RENEW}"
        lines.append(f"{path:>14} {instructions:>12,} {part:+7.2%}{mark}")
    return lines, fails


if __name__ == "__main__":
    main()
