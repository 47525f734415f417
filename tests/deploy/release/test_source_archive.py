"""The source archive holds what its tests need."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(
    not (ROOT / ".git").exists() or None in map(shutil.which, ("maturin", "cargo", "git")),
    reason="needs maturin, cargo and a git checkout",
)
def test_it_holds_all_that_git_has(tmp_path: Path) -> None:
    subprocess.run(["maturin", "sdist", "--out", tmp_path], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    there = {name for name in listed.split("\0") if name and (ROOT / name).exists()}
    assert there <= held
    assert "rust/kalakan-c/Cargo.toml" in held
