"""A signal ends a command quietly, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
LIBRARY = """
import time
print("importing", flush=True)
for _ in range(30):
    try:
        time.sleep(0.01)
    except BaseException as error:
        raise ImportError("the library is broken") from error
import importlib, sys
sys.path.remove({folder!r})
del sys.modules[__name__]
sys.modules[__name__] = importlib.import_module(__name__)
"""
"""A slow library that, like numpy, makes an error of its own of whatever interrupts its import."""
ORDINARY = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
DEAF = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("place", ["click", "numpy"])
def test_a_signal_during_an_import(tmp_path: Path, number: signal.Signals, place: str) -> None:
    """click is imported before the command is known, numpy while it works."""
    (tmp_path / place).mkdir()
    (tmp_path / place / "__init__.py").write_text(LIBRARY.format(folder=str(tmp_path)))
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(
        [sys.executable, "-m", "kalakan", "synthesize", "Yoo", "-o", tmp_path / "a.wav"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,  # not a source tree, which has no compiled core
        **ORDINARY,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"importing\n"
        process.send_signal(number)
        _, complaints = process.communicate(timeout=60)
    assert complaints.decode().strip() == ""
    assert process.returncode == STATUS[number]


def test_what_the_parent_ignores_stays_ignored(tiny_voice: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kalakan", "synthesize", "--voice", tiny_voice, "-o", tmp_path / "a.wav"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=tmp_path, **DEAF) as process:
        assert process.stdin is not None
        process.send_signal(signal.SIGHUP)
        process.communicate(b"Yoo", timeout=100)
    assert process.returncode == 0
