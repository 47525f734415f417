"""Summaries of measurements, texts of one length, targets, and tables."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest

from kalakan.benchmark.figures import latencies, paired_ratio, percentile, summary
from kalakan.benchmark.report import table
from kalakan.benchmark.targets import targets
from kalakan.benchmark.texts import english_of_length


def test_summary_of_known_values() -> None:
    found = summary([4.0, 1.0, 2.0, 3.0, 5.0])
    assert found == {"median": 3.0, "least": 1.0, "greatest": 5.0, "spread": 2.0}
    assert summary([7.0]) == {"median": 7.0, "least": 7.0, "greatest": 7.0, "spread": 0.0}


@pytest.mark.parametrize("size", [1, 2, 63, 100, 129])
def test_a_percentile_is_a_value_that_enough_do_not_exceed(size: int) -> None:
    values = random.Random(size).sample(range(1000), size)
    for percent in (50, 95, 99, 100):
        found = percentile(values, percent)
        assert found in values
        assert sum(value <= found for value in values) >= size * percent / 100
        assert sum(value < found for value in values) < size * percent / 100


def test_latencies_say_of_how_many() -> None:
    assert latencies([float(value) for value in range(1, 201)]) == {
        "p50": 100.0,
        "p95": 190.0,
        "p99": 198.0,
        "of": 200,
    }


def test_a_slow_machine_does_not_change_a_paired_ratio() -> None:
    slowness = [1.0, 9.0, 2.0, 5.0, 1.0]
    found = paired_ratio([3.0 * value for value in slowness], [2.0 * value for value in slowness])
    assert found["median"] == found["least"] == found["greatest"] == 1.5


@pytest.mark.parametrize("seconds", [0.4, 2.0, 14.3, 60.0, 300.0])
def test_english_text_of_the_wanted_length(seconds: float) -> None:
    def audio_s(text: str) -> float:
        return 0.3 * len(text.split())

    text, found = english_of_length(seconds, audio_s)
    assert audio_s(text) == found
    assert abs(found - seconds) <= max(0.15, 0.03 * seconds) + 1e-9
    assert text.endswith(".")


def subject(rtfs: list[float], rss_mb: float, cuda_mb: float | None = None) -> dict[str, Any]:
    texts = {str(number): {"rtf": {"wall": {"median": rtf}}} for number, rtf in enumerate(rtfs)}
    return {"texts": texts, "memory": {"peak_rss_mb": rss_mb, "peak_cuda_mb": cuda_mb}}


def test_targets_take_the_slowest_text_and_the_memory_of_the_device() -> None:
    rows = targets({"cpu": subject([0.1, 0.3], 900.0), "gpu": subject([0.01], 3000.0, 2500.0)})
    found = {(row["scenario"], row["subject"]): row["result"] for row in rows}
    assert found == {
        ("Server (GPU)", "cpu"): "not measured",
        ("Server (CPU)", "cpu"): "miss",  # 0.3 is not below 0.2
        ("Edge Device", "cpu"): "pass",
        ("Mobile", "cpu"): "miss",  # 900 MB
        ("Server (GPU)", "gpu"): "pass",
        ("Server (CPU)", "gpu"): "not measured",
        ("Edge Device", "gpu"): "not measured",
        ("Mobile", "gpu"): "not measured",
    }
    (row,) = (row for row in rows if row["scenario"] == "Server (CPU)" and row["subject"] == "cpu")
    assert row["rtf"] == max(0.1, 0.3) == statistics.fmean([0.3])


def test_a_table_keeps_its_columns() -> None:
    assert list(table(("a", "b"), [("x|y", 1)])) == ["| a | b |", "| --- | --- |", "| x\\|y | 1 |", ""]
