"""Pruning a voice by the command: whole or not at all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kalakan.voices.package import load_voice

pytestmark = pytest.mark.torch
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_a_voice_without_vocoder_weights_is_pruned_where_it_has_some(
    kalakan: Run, tiny_voice: Path, tmp_path: Path
) -> None:
    done = kalakan("prune", tiny_voice, "-o", tmp_path / "pruned")
    assert done.returncode == 0, done.stderr.decode()
    assert b"acoustic: parameters" in done.stderr
    assert b"train on: kalakan train --model-type fastspeech2_small" in done.stderr
    assert load_voice(tmp_path / "pruned").has("acoustic.onnx")


def test_what_cannot_be_pruned_leaves_nothing(kalakan: Run, tiny_voice: Path, tmp_path: Path) -> None:
    for part in ("vocoder", "both"):
        done = kalakan("prune", tiny_voice, "-o", tmp_path / "pruned", "--part", part)
        assert done.returncode == 1
        assert b"its vocoder is griffin_lim, which has no weights to prune; name another part" in done.stderr
        assert not (tmp_path / "pruned").exists()


def test_tuning_says_how_far_the_smaller_voice_is_off(
    kalakan: Run, streaming_voice: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text(
        "\n".join(f"Me ne {name} kɔ fie." for name in "abcdefghijklmnopqrstuv"), encoding="utf-8"
    )
    options = ("--part", "vocoder", "--tune", "2", "--texts", texts, "--checkpoints", tmp_path / "kept")
    done = kalakan("prune", streaming_voice, *options, "--seed", "3", "-o", tmp_path / "new")
    told = done.stderr.decode()
    assert done.returncode == 0, told
    assert done.stdout.decode().strip() == str(tmp_path / "new")
    assert "vocoder: off the whole voice by pulses " in told
    assert "train on:" not in told
    assert (tmp_path / "kept" / "vocoder.pt").is_file()
    assert load_voice(tmp_path / "new").manifest.training["pruning"] == [
        {"part": "vocoder", "amount": 0.3, "steps": 2}
    ]


def test_bad_input_is_one_line(kalakan: Run, streaming_voice: Path, tmp_path: Path) -> None:
    for options, message in (
        (("--tune", "-1"), "steps is -1; it must lie between 0 and 1000000"),
        (("--texts", "none.txt"), "none.txt: cannot be read (No such file or directory)"),
        (("--amount", "1"), "amount is 1.0; it must lie between 0 and 1"),
    ):
        done = kalakan("prune", streaming_voice, *options, "-o", tmp_path / "new")
        assert done.returncode == 1
        (line,) = done.stderr.decode().splitlines()
        assert message in line
        assert not (tmp_path / "new").exists()
