"""Processes from their start to their end, beside what their parts cost without Kalakan; CPU time of the processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from beside import beside, children_cpu, equal, suite
from kalakan import Synthesizer
from kalakan.audio.files import read_audio
from kalakan.benchmark.texts import GREETING
from kalakan.voices.package import load_voice

GRAPHS = ("acoustic_encoder", "acoustic_decoder", "vocoder_filters")
"""What `Synthesizer` loads of the default voice."""

pytestmark = suite("start-up", children_cpu)


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints; not of this folder, whose checkout has no compiled core."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    ).stdout


def test_import(benchmark: Any) -> None:
    """`import kalakan` beside `import numpy`; both print the same word."""
    beside(
        benchmark,
        lambda: python("import kalakan; print('done')"),
        lambda: python("import numpy; print('done')"),
        equal,
        rounds=9,
    )


def test_greeting(benchmark: Any, tmp_path: Path) -> None:
    """`kalakan synthesize` beside the import of its packages and the loading of the voice's graphs alone."""
    target = tmp_path / "akwaaba.wav"
    expected = Synthesizer().synthesize(GREETING)
    graphs = [str(load_voice(None).path / f"{name}.onnx") for name in GRAPHS]
    load = (
        "import sys, numpy, soundfile, onnxruntime as o; [o.InferenceSession(path) for path in sys.argv[1:]]"
    )

    def greet() -> Path:
        python("from kalakan.cli.start import kalakan; kalakan()", "synthesize", GREETING, "-o", str(target))
        return target

    def same(path: Path, printed: str) -> None:
        assert printed == ""
        audio, _ = read_audio(path)
        np.testing.assert_allclose(audio, expected, atol=1e-3)

    beside(benchmark, greet, lambda: python(load, *graphs), same, rounds=9)
