"""A disk that is full ends a command with one line: the file, and why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kalakan.training.trainer import Trainer
from spoken_corpus import make_spoken_corpus

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size on Windows")
LIMITED = (
    "import resource, sys\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))\n"
    "sys.argv = ['kalakan', *sys.argv[2:]]\n"
    "from kalakan.cli.main import main\n"
    "main()\n"
)


def limited(limit: int, *arguments: str | Path) -> list[str]:
    """The errors of a command that may write files of at most `limit` bytes, as a full disk lets it."""
    result = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            "-c",
            LIMITED,
            str(limit),
            *map(str, arguments),
        ],  # -B: bytecode has no limit
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    return [line for line in result.stderr.splitlines() if not line.startswith("kalakan: warning")]


@pytest.fixture
def settings(tiny_config: dict[str, Any], tmp_path: Path) -> Path:
    tiny_config["training"] |= {"max_steps": 1, "picture_every": 1000, "validate_every": 1000}
    path = tmp_path / "settings.yaml"
    path.write_text(json.dumps(tiny_config))
    return path


def test_features_that_find_no_room(corpus: Path, settings: Path, tmp_path: Path) -> None:
    train = ("train", "--model-type", "fastspeech2_small", "-q", "--config", settings)
    (line,) = limited(2000, *train, "--data-dir", corpus, "--output-dir", tmp_path / "run")
    assert line.startswith(f"kalakan: error: {tmp_path / 'run' / 'features'}")
    assert line.endswith(".npy: File too large")


# torch raises its own RuntimeError for a write that fails early, and the OSError for one near the end.
@pytest.mark.parametrize("limit", [6_000, 60_000])
def test_checkpoints_that_find_no_room(
    limit: int, corpus: Path, settings: Path, tiny_config: dict[str, Any], tmp_path: Path
) -> None:
    cache = tmp_path / "features"
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "first", features=cache, quiet=True)
    train = ("train", "--model-type", "fastspeech2_small", "-q", "--config", settings, "--features", cache)
    (line,) = limited(limit, *train, "--data-dir", corpus, "--output-dir", tmp_path / "run")
    place = tmp_path / "run" / "last.pt"
    assert line == f"kalakan: error: {place}: the checkpoint cannot be written (File too large)"
    assert not place.exists()
    assert not list((tmp_path / "run").glob(".*.partial"))


def test_an_evaluation_that_finds_no_room(tiny_config: dict[str, Any], corpus: Path, tmp_path: Path) -> None:
    tiny_config["training"] |= {"max_steps": 1, "picture_every": 1000, "validate_every": 1000}
    Trainer("fastspeech2_small", tiny_config).train(corpus, tmp_path / "run", quiet=True)
    out = tmp_path / "out"
    measure = ("evaluate", tmp_path / "run" / "voice", "--data", corpus, "--no-mos", "--limit", "1", "-q")
    (line,) = limited(2000, *measure, "--output", out)
    assert re.fullmatch(r"kalakan: error: /.*\.npy: File too large", line)
    (line,) = limited(40_000, *measure, "--output", out)
    assert line == f"kalakan: error: {out / 'mel-akosua.png'}: File too large"


def test_an_aligner_that_finds_no_room(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    make_spoken_corpus(corpus, clips=6)
    small = ("training.max_steps=1", "training.batch_size=2", "training.picture_every=1000")
    changes = [part for change in small for part in ("--set", change)]
    (line,) = limited(100_000, "align", corpus, "-q", *changes)
    assert line.endswith("last.pt: the checkpoint cannot be written (File too large)")
