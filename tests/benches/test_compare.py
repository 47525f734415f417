"""benches/compare.py: what is slower or faster between two results, and what is noise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compare import IncomparableError, compare
from suites import machine_name, reduced

SCRIPT = Path(__file__).parents[2] / "benches/compare.py"


def suites(**ratios: tuple[float, float]) -> dict[str, Any]:
    """A result of suites.py: median and spread of each way beside its baseline."""
    ways = {
        name: {"ratio": {"median": median, "spread": spread}} for name, (median, spread) in ratios.items()
    }
    return {"suites": {"text": ways}}


def benchmark(**medians: float) -> dict[str, Any]:
    """A result of `kalakan benchmark` with one text."""
    return {
        "cpu_time_beside_the_first": {
            name: {"short": {"median": median, "spread": 0.02}} for name, median in medians.items()
        }
    }


def only(old: dict[str, Any], new: dict[str, Any], limit: float = 0.1) -> str:
    (change,) = compare(old, new, limit)
    return change.verdict


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (1.0, 1.05, "same"),
        (1.0, 1.2, "slower"),
        (1.2, 1.0, "faster"),
        (0.001, 0.002, "slower"),
        (2.0, 1.0, "faster"),
    ],
)
def test_a_change_beyond_the_limit_counts(old: float, new: float, verdict: str) -> None:
    assert only(suites(a=(old, 0.0)), suites(a=(new, 0.0))) == verdict


def test_the_limit_is_a_choice() -> None:
    assert only(suites(a=(1.0, 0.0)), suites(a=(1.05, 0.0)), limit=0.01) == "slower"
    assert only(suites(a=(1.0, 0.0)), suites(a=(1.2, 0.0)), limit=0.5) == "same"


@pytest.mark.parametrize("noisy", ["old", "new"])
def test_a_change_within_the_noise_of_either_does_not_count(noisy: str) -> None:
    old = suites(a=(1.0, 0.4 if noisy == "old" else 0.01))
    new = suites(a=(1.3, 0.52 if noisy == "new" else 0.01))
    assert only(old, new) == "same"
    assert only(suites(a=(1.0, 0.01)), suites(a=(1.3, 0.01))) == "slower"


def test_a_change_beyond_much_noise_counts() -> None:
    assert only(suites(a=(1.0, 0.4)), suites(a=(2.0, 0.4))) == "slower"


def test_only_what_both_have_is_compared() -> None:
    changes = compare(suites(a=(1, 0), b=(1, 0)), suites(b=(1, 0), c=(1, 0)))
    assert [change.name for change in changes] == ["text: b"]


def test_results_of_kalakan_benchmark() -> None:
    changes = compare(benchmark(torch=2.0, tiny=0.5), benchmark(torch=2.5, tiny=0.5))
    assert {change.name: change.verdict for change in changes} == {
        "torch: short": "slower",
        "tiny: short": "same",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        (suites(a=(1, 0)), benchmark(a=1.0)),
        (suites(a=(1, 0)), suites()),
        ({"suites": {}}, suites()),
    ],
)
def test_files_with_nothing_in_common_are_refused(old: dict[str, Any], new: dict[str, Any]) -> None:
    with pytest.raises(IncomparableError):
        compare(old, new)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def written(path: Path, record: dict[str, Any]) -> Path:
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_the_command(tmp_path: Path) -> None:
    old = written(tmp_path / "old.json", suites(a=(1.0, 0.0), b=(1.0, 0.0)))
    new = written(tmp_path / "new.json", suites(a=(1.5, 0.0), b=(0.5, 0.0)))
    slower = run(old, new)
    assert slower.returncode == 1
    assert "text: a SLOWER" in slower.stdout
    assert "2 ratios: 1 slower, 1 faster beyond 10% and noise" in slower.stdout
    assert run(old, old).returncode == 0
    tolerant = run(old, new, "--limit", "0.6")
    assert tolerant.returncode == 0
    assert "0 slower, 1 faster beyond 60%" in tolerant.stdout  # half the time is a change by a factor of two


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"suites": {}}'])
def test_a_file_that_is_no_result_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "what.json"
    path.write_text(content, encoding="utf-8")
    done = run(path, path)
    assert done.returncode == 2
    assert "what.json" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_report_is_reduced_to_what_counts() -> None:
    stats = {"median": 0.123456, "iqr": 0.01, "min": 0.1, "rounds": 9, "max": 9.0, "data": [1.0]}
    told = {"group": "dsp", "name": "test_stft", "stats": stats, "options": {"timer": "process_time"}}
    assert reduced([told | {"extra_info": {"ratio": {"median": 0.5, "spread": 0.1}}}]) == {
        "dsp": {
            "stft": {
                "seconds": {"median": 0.1235, "iqr": 0.01, "min": 0.1},
                "rounds": 9,
                "timer": "process_time",
                "ratio": {"median": 0.5, "spread": 0.1},
            }
        }
    }


@pytest.mark.parametrize(
    ("cpu", "name"),
    [
        ("Intel(R) Xeon(R) Processor", "intel-xeon-processor-x-2"),
        ("AMD Ryzen 7 5800X 8-Core Processor", "amd-ryzen-7-5800x-8-core-processor-x-2"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "intel-core-i7-8550u-x-2"),
    ],
)
def test_a_machine_is_named_by_its_processor_and_cores(cpu: str, name: str) -> None:
    assert machine_name({"cpu": cpu, "cores": 2}) == name
