"""python benches/scheduler.py [--without-ten-million] [--output]: what the scheduler of rust/kalakan-pipeline costs.

Runs `cargo bench -p kalakan-pipeline` (a request through three empty stages, beside crossbeam-channel and flume between
three threads), and the test that sends 10 million requests through three stages and looks whether each comes back
once. Needs cargo and two idle cores: what else ran meanwhile stands beside the figures. With --output writes
benches/results/scheduler-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from kept import keep, record

ROOT = Path(__file__).parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
REQUESTS, STAGES = 20_000, 3
"""Requests of one measured call, and the stages that each goes through: see rust/kalakan-pipeline/benches."""
LIMIT_US = 2.0
"""Microseconds a request a stage, of the pipeline."""
LOSES_NONE = "ten_million_requests_through_three_stages_lose_none"


def measured() -> dict[str, dict[str, float]]:
    """Microseconds a request a stage of each way: the median, and the ends of its 95 % confidence interval."""
    subprocess.run(
        ["cargo", "bench", "-q", "-p", "kalakan-pipeline"], cwd=ROOT, check=True, stdout=sys.stderr
    )
    found = {}
    for path in sorted(TARGET.glob("criterion/three empty stages/*/new/estimates.json")):
        name = json.loads((path.parent / "benchmark.json").read_text())["function_id"]
        median = json.loads(path.read_text())["median"]
        ends = median["confidence_interval"]
        values = {"median": median["point_estimate"], "from": ends["lower_bound"], "to": ends["upper_bound"]}
        found[name] = {key: round(ns / 1000 / REQUESTS / STAGES, 3) for key, ns in values.items()}
    return found


def ten_million() -> dict[str, object]:
    """Whether none was lost, twice 10 million; the test fails otherwise."""
    command = ["cargo", "test", "--release", "-q", "-p", "kalakan-pipeline", "--test", "stress"]
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, LOSES_NONE, "--", "--ignored"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "1 passed" in done.stdout, done.stdout
    return {
        "requests": 2 * 10_000_000,
        "lost_or_doubled": 0,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--without-ten-million", action="store_true", help="only cargo bench")
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    result = record(
        "microseconds a request a stage through three empty stages; ten million requests without a loss",
        limits={"pipeline_us_a_request_a_stage": LIMIT_US},
    )
    result["us_a_request_a_stage"] = measured()
    result["ten_million"] = None if arguments.without_ten_million else ten_million()
    keep(result, "scheduler-cpu", arguments.output)


if __name__ == "__main__":
    main()
