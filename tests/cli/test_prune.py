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
