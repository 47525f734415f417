"""Text to phoneme ids: Kalakan against kalakan-tts 1.0.1 and against the Python twin, in one run.

python benches/text.py [--baseline-python PYTHON] [--rounds 20]

Without --baseline-python a virtual environment with kalakan-tts 1.0.1 is made in a temporary folder. The three are
timed in turns, so that a busy machine slows all alike. Writes benches/results/text-DATE.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from contextlib import nullcontext
from pathlib import Path

from kalakan.text.phonemes import parse_units
from text_timing import build_kalakan, build_reference

HERE = Path(__file__).parent
SENTENCES = HERE / "data/sentences.txt"
TURNS = 5


def main() -> None:
    """Checks equality, times, prints and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baseline-python", type=Path, help="interpreter with kalakan-tts 1.0.1")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    check_equal(sentences)
    given = arguments.baseline_python
    with nullcontext() if given else tempfile.TemporaryDirectory() as folder:
        baseline = given or install_baseline(Path(folder))
        times = measure(baseline, arguments.rounds)
    record = describe(sentences, times)
    target = HERE / "results" / f"text-{record['date']}.json"
    target.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=1) + "\n")


def check_equal(sentences: list[str]) -> None:
    """A number is worth nothing before the twins agree."""
    ours, twin = build_kalakan(), build_reference()
    for sentence in sentences:
        if ours(sentence) != parse_units(" ".join(twin(sentence))):
            raise SystemExit(f"the reference reads this differently: {sentence}")


def install_baseline(folder: Path) -> Path:
    """Makes an environment with kalakan-tts and nothing that it asks for: its text modules need nothing."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "kalakan-tts==1.0.1"], check=True)
    return python


def measure(baseline: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """CPU seconds a sentence by package, cold and warm."""
    runs = {"kalakan": Path(sys.executable), "reference": Path(sys.executable), "kalakan-tts": baseline}
    found: dict[str, dict[str, list[float]]] = {name: {"cold": [], "warm": []} for name in runs}
    for _ in range(TURNS):
        for name, python in runs.items():
            command = [python, HERE / "text_timing.py", name, SENTENCES, str(rounds)]
            # The baseline's package has our name, so it must not see our PYTHONPATH.
            hidden = {"PYTHONPATH", "PYTHONHOME"} if name == "kalakan-tts" else set()
            environment = {key: value for key, value in os.environ.items() if key not in hidden}
            output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            for kind, values in json.loads(output.stdout).items():
                found[name][kind] += values
    return found


def describe(sentences: list[str], times: dict[str, dict[str, list[float]]]) -> dict[str, object]:
    """The record of a run: machine, date, command, times and ratios."""
    median = {
        (name, kind): statistics.median(v) for name, kinds in times.items() for kind, v in kinds.items()
    }
    least = {(name, kind): min(v) for name, kinds in times.items() for kind, v in kinds.items()}
    return {
        "what": "raw text to phoneme ids, one call a sentence; CPU time, packages in turns",
        "date": datetime.date.today().isoformat(),
        "command": "python benches/text.py",
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "load_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
        "python": platform.python_version(),
        "sentences": len(sentences),
        "mean_characters": round(statistics.mean(map(len, sentences)), 1),
        "median_us_a_sentence": {" ".join(key): round(value * 1e6, 2) for key, value in median.items()},
        "min_us_a_sentence": {" ".join(key): round(value * 1e6, 2) for key, value in least.items()},
        "times_faster_by_median": {
            " ".join(key): round(value / median["kalakan", key[1]], 1) for key, value in median.items()
        },
    }


def cpu_model() -> str:
    """The processor's name."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
