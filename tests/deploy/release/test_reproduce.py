"""deploy/release/reproduce.py: what differs between two wheels, and which hold a path of the machine."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from reproduce import differing, environment, leaks


def wheel(path: Path, files: dict[str, bytes], year: int = 1980) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return path


def test_files_that_differ_are_named(tmp_path: Path) -> None:
    one = wheel(tmp_path / "one.whl", {"a": b"1", "b": b"1", "c": b"1"})
    other = wheel(tmp_path / "other.whl", {"a": b"1", "b": b"2", "d": b"1"})
    assert differing(one, other) == ["b", "c", "d"]


def test_an_archive_of_the_same_files_may_differ_by_its_dates(tmp_path: Path) -> None:
    one = wheel(tmp_path / "one.whl", {"a": b"1"})
    other = wheel(tmp_path / "other.whl", {"a": b"1"}, year=2026)
    assert differing(one, other) == ["the archive itself"]


def test_files_with_a_path_of_the_machine_are_named(tmp_path: Path) -> None:
    one = wheel(
        tmp_path / "one.whl", {"good": b"cargo/registry/src", "bad": b"..\\0/home/me/.cargo/registry"}
    )
    assert leaks(one, ("/home/me",)) == ["bad"]
    assert leaks(one, ("/home/you",)) == []


def test_the_compiler_is_told_to_leave_both_folders_out(tmp_path: Path) -> None:
    flags = environment(tmp_path)["RUSTFLAGS"].split()
    assert f"--remap-path-prefix={tmp_path}=." in flags
    assert any(flag.endswith("=cargo") for flag in flags)


def test_maturin_writes_no_bill_of_materials_of_its_own() -> None:
    settings = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    (section,) = re.findall(r"^\[tool\.maturin\.sbom\]\n(.*?)^(?=\[)", settings, re.M | re.S)
    assert set(section.split("\n")) == {"rust = false", "auditwheel = false", ""}
