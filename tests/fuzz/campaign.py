"""python tests/fuzz/campaign.py [TARGET ...] [--cpu-minutes 1] [--output]: fuzzing, and what it came to.

`make fuzz` runs it. Targets: normalize, g2p, tone and split of rust/fuzz (a stable toolchain and a C++ compiler are
enough), ssml and manifest of this folder (`pip install atheris`). Each starts with its corpus, a line of hexadecimal
digits an input, and runs until it has used its CPU time; a finding ends the program, and the input lies in
`target/fuzz`. On a busy machine that may take long: Ctrl-C (SIGINT) ends the target at its next minute, and what it has
tried so far counts. With --output the corpora are minimized and kept (rust/fuzz/corpora, tests/fuzz/corpora), and the
counts go to benches/results/fuzzing-<date>.json, added to those of the same day.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from itertools import accumulate
from pathlib import Path
from threading import Event
from typing import Any

from kalakan.benchmark.machine import facts, today

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUST = ("normalize", "g2p", "tone", "split")
PYTHON = ("ssml", "manifest")
LONGEST = 400
"""Bytes of an input in a corpus that is kept; manifests are longer."""
LARGEST = 180_000
"""Bytes of the file of a corpus that is kept."""
FLAGS = (
    "--cfg fuzzing -Cdebug-assertions -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 "
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
)
"""What cargo-fuzz passes, without its sanitizers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(RUST + PYTHON)}; default: all"
    )
    parser.add_argument("--cpu-minutes", type=float, default=1.0, help="of each target; default: %(default)s")
    parser.add_argument("--output", action="store_true", help="keep corpora and counts")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - {*RUST, *PYTHON}
    if unknown:
        parser.error(
            f"no target is called {', '.join(sorted(unknown))}; there are {', '.join(RUST + PYTHON)}"
        )
    if not 0 < arguments.cpu_minutes <= 10_000:
        parser.error(f"--cpu-minutes is {arguments.cpu_minutes}; it must be above 0 and at most 10,000")
    day = today()  # that of the start: midnight splits no counts
    targets = arguments.targets or [*RUST, *PYTHON]
    findings = ROOT / "target" / "fuzz"
    findings.mkdir(parents=True, exist_ok=True)
    if set(targets) & set(RUST):
        build()
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus"
            unpack(target, corpus)
            found = campaign(target, corpus, 60 * arguments.cpu_minutes, findings)
            if arguments.output:
                minimized = Path(folder) / "minimized"
                minimized.mkdir()
                run(target, ["-merge=1", "-set_cover_merge=1", str(minimized), str(corpus)], findings)
                found["kept"] = pack(target, minimized)
                write(target, found, day)
            sys.stdout.write(f"{target}: {json.dumps(found)}\n")


def build() -> None:
    """Compiles the Rust targets for libFuzzer."""
    command = ["cargo", "build", "--release", "--manifest-path", str(ROOT / "rust/fuzz/Cargo.toml")]
    command += ["--target", host(), "--target-dir", str(ROOT / "rust/fuzz/target")]
    subprocess.run(command, check=True, env={**os.environ, "RUSTFLAGS": FLAGS})


def host() -> str:
    """Name of this machine as rustc spells it."""
    told = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.removeprefix("host: ") for line in told.splitlines() if line.startswith("host: "))


def command_of(target: str) -> list[str]:
    """What runs a target, before libFuzzer's options."""
    if target in RUST:
        return [str(ROOT / "rust/fuzz/target" / host() / "release" / target)]
    return [sys.executable, str(HERE / "run.py"), target]


def run(target: str, options: list[str], findings: Path) -> str:
    """What libFuzzer tells of one run; ends the program where it found something."""
    command = [*command_of(target), f"-artifact_prefix={findings}/{target}-", "-rss_limit_mb=2048", *options]
    # In a group of its own, where no Ctrl-C reaches it. A session of its own would lose the priority of this one.
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", preexec_fn=os.setpgrp
    )
    if done.returncode != 0:
        told = (
            f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"  # atheris writes the traceback to standard output
        )
        raise SystemExit(f"{told}\n{target}: a finding; its input is in {findings}")
    return done.stderr


def campaign(target: str, corpus: Path, cpu_s: float, findings: Path) -> dict[str, Any]:
    """Runs a target until it has used `cpu_s`; how many inputs it tried and what they reach."""
    found: dict[str, Any] = {"inputs": 0, "cpu_s": 0.0, "runs": 0}
    is_over = Event()
    before_it = signal.signal(signal.SIGINT, lambda *_: is_over.set())
    while found["cpu_s"] < cpu_s and not is_over.is_set():
        before = used()
        seconds = max(1, min(60, round(cpu_s - found["cpu_s"])))
        options = [f"-max_total_time={seconds}", f"-max_len={longest(target)}", "-print_final_stats=1"]
        told = run(target, [*options, str(corpus)], findings)
        found["runs"] += 1
        found["cpu_s"] = round(found["cpu_s"] + used() - before, 1)
        found["inputs"] += int(re.findall(r"number_of_executed_units:\s+(\d+)", told)[-1])
        covered, features = re.findall(r"cov: (\d+) ft: (\d+)", told)[-1]
        found |= {"edges": int(covered), "features": int(features)}
    signal.signal(signal.SIGINT, before_it)
    found["corpus"] = sum(1 for _ in corpus.iterdir())
    return found


def used() -> float:
    """CPU seconds of the runs so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def longest(target: str) -> int:
    """Bytes of the longest input that is tried."""
    return 8000 if target == "manifest" else LONGEST


def corpus_file(target: str) -> Path:
    """Where a target's corpus is kept."""
    return (ROOT / "rust/fuzz/corpora" if target in RUST else HERE / "corpora") / f"{target}.hex"


def unpack(target: str, folder: Path) -> None:
    """Writes a file for each input of the kept corpus, and for each sentence of the benchmarks where it is text."""
    folder.mkdir()
    if target in RUST:
        sentences = (ROOT / "benches/data/sentences.txt").read_text(encoding="utf-8").splitlines()
        for number, sentence in enumerate(sentences):
            (folder / f"sentence-{number}").write_bytes(b"\0" + sentence.encode("utf-8"))
    path = corpus_file(target)
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines() if path.exists() else ()):
        (folder / f"{number:05}").write_bytes(bytes.fromhex(line))


def pack(target: str, folder: Path) -> int:
    """Keeps the inputs of a folder as the target's corpus, the shortest first and at most `LARGEST` bytes of them, so
    that the repository stays small; returns their number."""
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    path = corpus_file(target)
    path.parent.mkdir(exist_ok=True)
    lines = [f"{data.hex()}\n" for data in inputs if data]
    sizes = accumulate(map(len, lines))
    kept = [line for line, size in zip(lines, sizes, strict=True) if size <= LARGEST]
    path.write_text("".join(kept), encoding="ascii")
    return len(kept)


def write(target: str, found: dict[str, Any], day: str) -> None:
    """Adds a target's counts to those of the day; findings are written there by hand, when they are mended."""
    path = ROOT / "benches/results" / f"fuzzing-{day}.json"
    machine = {name: value for name, value in facts().items() if not name.startswith("load")}
    record: dict[str, Any] = {
        "what": "fuzzing: inputs tried, edges and features that they reach, inputs kept; findings, all mended",
        "command": " ".join(["python", "tests/fuzz/campaign.py", *sys.argv[1:]]),
        "date": day,
        "machine": machine,
        "findings": [],
        "targets": {},
    }
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        record |= {name: before[name] for name in ("findings", "targets") if name in before}
    earlier = record["targets"].get(target, {})
    totals = {name: round(earlier.get(name, 0) + found[name], 1) for name in ("inputs", "cpu_s", "runs")}
    record["targets"][target] = found | totals
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
