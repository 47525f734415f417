"""The tables of the page on costs are those of its results."""

from __future__ import annotations

import json

import pytest

import export
from built import ROOT

PAGE = ROOT / "docs" / "export-costs.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="needs a checkout")
def test_the_page_has_the_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    results = sorted(export.RESULTS.glob("export-costs-cpu-*.json"))[-1]
    assert results.name in page
    result = json.loads(results.read_text(encoding="utf-8"))
    for table in export.tables(result).split("\n\n"):
        assert table.strip() in page


def test_results_of_two_processes_are_merged() -> None:
    one = {"models": {"a": {"onnx": 1}}, "load_1_min": [1.0], "date": "x"}
    export.merge(one, {"models": {"a": {"onnx": 2, "pt": 3}, "b": {}}, "load_1_min": [1.0, 2.0], "date": "y"})
    assert one == {"models": {"a": {"onnx": 1, "pt": 3}, "b": {}}, "load_1_min": [1.0, 2.0], "date": "x"}
