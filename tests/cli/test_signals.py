"""A signal ends a command quietly, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

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


def test_a_signal_while_libsndfile_writes_is_not_lost() -> None:
    """cffi would print the exception and go on, and the command would run to the end of its text."""
    code = (
        "import os, signal, sys, numpy, soundfile\nfrom kalakan.cli.start import catch_signals\ncatch_signals()\n"
        "class Sink:\n"
        "    sent = False\n"
        "    def write(self, content):\n"
        "        if not self.sent: os.kill(os.getpid(), signal.SIGTERM)\n"
        "        self.sent = True\n"
        "        return len(content)\n"
        "    def seek(self, *_): return 0\n"
        "    def tell(self): return 0\n"
        "    def read(self, _): return b''\n"
        "sound = soundfile.SoundFile(Sink(), 'w', 24000, 1, format='WAV')\n"
        "while True: sound.write(numpy.zeros(9999))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], stderr=subprocess.PIPE, timeout=100, check=False, **ORDINARY
    )
    assert done.stderr == b""
    assert done.returncode == STATUS[signal.SIGTERM]


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_in_a_callback_of_a_weak_reference_is_not_lost(number: signal.Signals) -> None:
    """Python prints its exception and goes on."""
    code = (
        "import os, time, weakref\nfrom kalakan.cli.start import catch_signals\ncatch_signals()\n"
        "class Thing: pass\n"
        "thing = Thing()\n"
        f"seen = weakref.ref(thing, lambda _: os.kill(os.getpid(), {int(number)}))\n"
        "del thing\n"
        "time.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], stderr=subprocess.PIPE, timeout=30, check=False, **ORDINARY
    )
    assert b"ignored" not in done.stderr
    assert done.returncode in (STATUS[number], -signal.SIGINT)  # a bare program ends by its SIGINT


def test_a_signal_deferred_beyond_the_end_kills_nothing() -> None:
    code = (
        "import time, signal\nfrom kalakan.cli import start\nstart.catch_signals()\n"
        "start._stop_later(signal.SIGTERM)\nstart.ignore_signals()\ntime.sleep(0.1)\n"
    )
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False, timeout=30).returncode == 0


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("format", ["wav", "flac"])
def test_a_stream_that_is_stopped_leaves_a_file_with_its_length(
    tiny_voice: Path, tmp_path: Path, number: signal.Signals, format: str
) -> None:
    command = [sys.executable, "-m", "kalakan", "synthesize", "--voice", tiny_voice, "--stream", "--lines"]
    place = tmp_path / "a"
    with place.open("wb") as out:
        process = subprocess.Popen(
            [*command, "-f", format], stdin=subprocess.PIPE, stdout=out, cwd=tmp_path, **ORDINARY
        )
    assert process.stdin is not None
    process.stdin.write(b"Akwaaba. Wo ho te s\xc9\x9bn?\n" * 20)  # codecs hold the first words back
    process.stdin.flush()
    while place.stat().st_size < 5000 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=100) == STATUS[number]
    process.stdin.close()
    known = soundfile.info(place).frames
    assert 0 < known < 2**32
    assert len(soundfile.read(place)[0]) == known
    if format == "wav":
        size = place.stat().st_size
        assert int.from_bytes(place.read_bytes()[4:8], "little") == size - 8
