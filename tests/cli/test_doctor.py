"""`kalakan doctor`: facts, advice, and an exit code that means something."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import kalakan as package
from kalakan.cli import doctor

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.mark.torch
def test_doctor_prints_the_status_and_speaks(kalakan: Run) -> None:
    result = kalakan("doctor")
    text = result.stdout.decode()
    assert result.returncode == 0, text
    assert text.startswith(f"kalakan {package.__version__} · ")
    for line in ("griffin_lim · ", "upsample · ", "residual_blocks · ", "default voice: speaks ("):
        assert f"\n{line}" in text


def test_doctor_fails_where_the_default_voice_does_not_speak(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("kalakan.voices.package.DEFAULT", tmp_path / "none")
    assert doctor._speak() == 1
    assert b"default voice: does not speak: " in capsysbinary.readouterr().out


@pytest.mark.torch
def test_tuning_without_a_device_says_so(kalakan: Run) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    result = kalakan("doctor", "--tune")
    assert result.returncode != 0
    assert "--tune measures on a GPU, and torch finds no CUDA device here" in result.stderr.decode()
