"""python benches/griffin_lim.py [rounds]: times Griffin-Lim beside its baselines, writes benches/results/.

Quality is checked before anything is timed. Implementations take turns, so that other load on the machine meets all
of them; times are CPU seconds of this process at one thread, which a busy second core disturbs least.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

import griffin_lim_cases as cases

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    torch.set_num_threads(1)
    with threadpool_limits(1):
        wanted = cases.wanted_magnitude()
        quality = cases.check(wanted)
        times: dict[str, list[float]] = {name: [] for name in cases.CASES}
        for _ in range(rounds):
            for name, call in cases.CASES.items():
                start = time.process_time()
                call(wanted)
                times[name].append(time.process_time() - start)
    report(rounds, quality, times)


def report(rounds: int, quality: dict[str, float], times: dict[str, list[float]]) -> None:
    median = {name: statistics.median(values) for name, values in times.items()}
    least = {name: min(values) for name, values in times.items()}
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    result = {
        "what": f"Griffin-Lim, {cases.SECONDS} s at {cases.SAMPLE_RATE} Hz, n_fft {cases.N_FFT}, hop {cases.HOP}, "
        f"{cases.N_ITER} iterations, momentum {cases.MOMENTUM}, one thread; CPU time, {rounds} rounds in turns",
        "command": "python benches/griffin_lim.py",
        "date": date,
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "load_1_min": round(os.getloadavg()[0], 2)},
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "spectral_convergence": {name: round(value, 4) for name, value in quality.items()},
        "median_ms": {name: round(1e3 * value, 1) for name, value in median.items()},
        "min_ms": {name: round(1e3 * value, 1) for name, value in least.items()},
        "times_faster_by_median": {name: round(value / median["rust"], 2) for name, value in median.items()},
        "times_faster_by_min": {name: round(value / least["rust"], 2) for name, value in least.items()},
    }
    text = json.dumps(result, indent=2) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"griffin_lim-cpu-{date}.json").write_text(text)
    sys.stdout.write(text)


def cpu_model() -> str:
    """Name and family of the processor; the name alone can hide the generation."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    rows = [line.partition(":") for line in path.read_text().splitlines()]
    facts = {key.strip(): value.strip() for key, _, value in rows}
    name = facts.get("model name", platform.machine())
    return f"{name}, family {facts.get('cpu family')}, model {facts.get('model')}"


if __name__ == "__main__":
    main()
