"""Who keeps the memory of tensors: several threads must not wait for one lock, and the samples are the same."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kalakan import Synthesizer

HAS_GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
TEXT = "Maakye, wo ho te sɛn? Me din de Kofi."
SCRIPT = """
import hashlib, sys, threading
from kalakan import Synthesizer
from kalakan.synthesis.engines.allocation import is_glibcs
synthesizer = Synthesizer(sys.argv[1], engine="onnx")
options = synthesizer.vocoder._session.get_session_options()
assert options.enable_cpu_mem_arena == (not is_glibcs())
found = set()
def run():
    for _ in range(5):
        found.add(hashlib.sha256(synthesizer.synthesize(sys.argv[2]).tobytes()).hexdigest())
threads = [threading.Thread(target=run) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(is_glibcs(), *found)
"""


@pytest.mark.parametrize(
    ("variables", "is_glibcs"),
    [
        ({"KALAKAN_NUM_THREADS": "2"}, HAS_GLIBC),
        ({"KALAKAN_NUM_THREADS": "5"}, HAS_GLIBC),
        ({"KALAKAN_NUM_THREADS": "1"}, False),
        ({"KALAKAN_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "1"}, False),
        ({"KALAKAN_NUM_THREADS": "2", "GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}, False),
    ],
)
def test_threads_have_heaps_unless_the_environment_says_how(
    streaming_voice: Path, tmp_path: Path, variables: dict[str, str], is_glibcs: bool
) -> None:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "GLIBC_", "LD_PRE"))
    }
    command = [sys.executable, "-c", SCRIPT, str(streaming_voice), TEXT]
    result = subprocess.run(
        command, env=own | variables, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    expected = hashlib.sha256(Synthesizer(streaming_voice, engine="onnx").synthesize(TEXT).tobytes())
    assert result.stdout.split() == [str(is_glibcs), expected.hexdigest()]
