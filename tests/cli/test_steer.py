"""`kalakan steer` from the shell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kalakan.voices.package import load_voice

pytestmark = pytest.mark.torch
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_steer_writes_a_voice_and_says_where(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    unit = ("--unit", "ʊ=0.9*o+0.1*u", "--unit", "o=0.5*o+0.5*u")
    done = kalakan("steer", tiny_voice, "--speaker", "kwame", *unit, "-o", tmp_path / "new")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == str(tmp_path / "new")
    assert load_voice(tmp_path / "new").manifest.acoustic.config["steered_rows"] == 2


def test_a_mix_that_is_none_is_one_line(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    done = kalakan("steer", tiny_voice, "--unit", "ʊ=o", "-o", tmp_path / "new")
    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 1
    assert not (tmp_path / "new").exists()
