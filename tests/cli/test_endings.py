"""`kalakan endings` from the shell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kalakan.voices.package import load_voice

pytestmark = pytest.mark.torch
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_endings_writes_a_voice_and_says_what_became_of_it(
    kalakan: Run, tiny_voice: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text(
        "\n".join(f"Me ne {name} kɔ́ fìé." for name in "abcdefghijklmnopqrstuv"), encoding="utf-8"
    )
    options = ("--texts", texts, "--steps", "2", "--least-step", "1", "--lowest", "6")
    done = kalakan("endings", tiny_voice, *options, "-o", tmp_path / "new")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == str(tmp_path / "new")
    assert "last sounds voiced" in done.stderr.decode()
    training = load_voice(tmp_path / "new").manifest.training
    assert training["endings"] == {"steps": 2, "least_step": 1.0, "lowest": 6.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", "0"), "steps is 0; it must lie between 1 and 100000"),
        (("--lowest", "99"), "lowest is 99; it must lie between 1 and 24 semitones"),
        (("--texts", "none.txt"), "none.txt: cannot be read (No such file or directory)"),
        (("--texts", "/"), "cannot be read (Is a directory)"),
    ],
)
def test_bad_input_is_one_line(
    kalakan: Run, tiny_voice: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = kalakan("endings", tiny_voice, *options, "-o", tmp_path / "new")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert message in line
    assert not (tmp_path / "new").exists()
