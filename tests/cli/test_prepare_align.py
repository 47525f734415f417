"""From recordings to durations by the two commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import recordings
from kalakan.data.manifest import read_manifest

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

SMALL = (
    "model.width=8",
    "model.inner=8",
    "model.layers=1",
    "training.max_steps=2",
    "training.validate_every=2",
)


@pytest.mark.torch
def test_prepare_then_align(kalakan: Run, tmp_path: Path) -> None:
    recordings.plain(tmp_path / "source")
    (tmp_path / "source" / "bad.wav").write_bytes(b"no audio")
    (tmp_path / "source" / "bad.txt").write_text("Mekɔ fie.", encoding="utf-8")
    corpus = tmp_path / "corpus"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    made = kalakan("prepare", tmp_path / "source", corpus, env=environment)
    assert made.returncode == 0, made.stderr
    assert made.stdout.decode().startswith("4 utterances, 0.1 minutes; 1 left out")
    assert b"\r" not in made.stderr  # no count in a log
    assert "`bad`" in (corpus / "report.md").read_text(encoding="utf-8")
    settings = [word for change in SMALL for word in ("--set", change)]
    aligned = kalakan("align", corpus, "-q", *settings, env=environment)
    assert aligned.returncode == 0, aligned.stderr
    assert aligned.stdout.decode().startswith("4 utterances aligned, 0 left out")
    assert all(item.is_aligned for item in read_manifest(corpus))
    assert 'text = "Akwaaba,"' in (corpus / "textgrids" / "one.TextGrid").read_text(encoding="utf-8")
    again = kalakan("align", corpus, env=environment)
    assert again.returncode == 1
    assert b"has durations already" in again.stderr


@pytest.mark.torch
def test_bad_arguments_are_one_line(kalakan: Run, tmp_path: Path) -> None:
    for arguments, text in (
        (("prepare", tmp_path / "nowhere", tmp_path / "out"), b"is not a folder"),
        (("prepare", tmp_path, tmp_path / "out", "--margin", "-1"), b"margin_ms is -1.0"),
        (("align", tmp_path), b"holds no meta.jsonl"),
    ):
        result = kalakan(*arguments)
        assert result.returncode == 1
        assert text in result.stderr
        assert result.stderr.count(b"\n") == 1
