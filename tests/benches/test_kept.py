"""benches/kept.py: the form of the files of results."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import kept


def test_a_result_says_what_where_and_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["/anywhere/benches/some.py", "--rounds", "3"])
    result = kept.record("what it is", rounds=3)
    assert list(result) == ["what", "command", "date", "machine", "rounds"]
    assert result["command"] == "python benches/some.py --rounds 3"
    kept.keep({**result, "ɛ": 1}, "some-cpu", True)
    (path,) = tmp_path.iterdir()
    assert path.name == f"some-cpu-{result['date']}.json"
    content = path.read_text(encoding="utf-8")
    assert content == capsys.readouterr().out
    assert '"ɛ": 1' in content
    assert set(json.loads(content)["machine"]) >= {
        "cpu",
        "cores",
        "load_1_min",
        "load_1_min_after",
        "packages",
    }


@pytest.mark.parametrize("place", [None, False])
def test_nothing_is_written_unasked(
    place: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept, "RESULTS", tmp_path)
    kept.keep(kept.record("what"), "some", place)
    assert json.loads(capsys.readouterr().out)["what"] == "what"
    assert list(tmp_path.iterdir()) == []


def test_arguments_with_paths_are_named_as_a_reader_types_them(tmp_path: Path) -> None:
    result = kept.record("what", ["TABLE"])
    assert result["command"].endswith(" TABLE")
    kept.keep(result, "some", tmp_path / "here.json")
    assert json.loads((tmp_path / "here.json").read_text(encoding="utf-8"))["command"] == result["command"]
