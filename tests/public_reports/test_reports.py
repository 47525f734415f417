"""Every one of the 105 public reports has tests that exist, or the reason why it has none (reports.tsv)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parents[2] / "shared" / "research" / "bugreports.tsv"
REPORTS = 105


def rows() -> list[dict[str, str]]:
    with (HERE / "reports.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_report_is_there_once() -> None:
    assert [int(row["number"]) for row in rows()] == list(range(1, REPORTS + 1))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["number"])
def test_its_tests_exist_or_the_reason_is_told(row: dict[str, str]) -> None:
    assert row["tests"] or len(row["why_no_more"]) > 20
    for test in row["tests"].split():
        path, _, name = test.partition("::")
        text = (HERE / path).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), test


def test_a_table_of_readings_names_its_reports() -> None:
    """A test of many reports has a case for each, which its id names: project and number."""
    text = "".join((HERE / name).read_text(encoding="utf-8") for name in ("test_text.py", "test_speech.py"))
    many = ("test_what_others_lost_or_misread_is_read", "test_another_way_of_writing", "test_pauses_follow")
    missing = []
    for row in rows():
        found = re.findall(r"[\w.-]+/([\w.-]+)#(\d+)", row["report"])
        if any(name in row["tests"] for name in many) and not any(
            f"{project}-{number}" in text for project, number in found
        ):
            missing.append(row["report"])
    assert missing == []


@pytest.mark.skipif(not SOURCE.exists(), reason="the list of reports is not in this repository")
def test_the_reports_are_those_of_the_list() -> None:
    lines = SOURCE.read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split("\t")[0] for line in lines] == [row["report"] for row in rows()]
