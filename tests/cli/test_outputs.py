"""`-o` of every command: what is no plain file is written to and never replaced."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell, /dev and named pipes")
KALAKAN = Path(sys.executable).with_name("kalakan")
TABLE = "text\nYoo\n"


@pytest.fixture(params=["normalize", "phonemize", "normalize --tsv", "synthesize", "synthesize --subtitles"])
def command(request: pytest.FixtureRequest, tiny_voice: Path, tmp_path: Path) -> str:
    """A command of each kind that writes, up to the path."""
    if request.param == "normalize --tsv":
        (tmp_path / "a.tsv").write_text(TABLE)
        return f"normalize --tsv {tmp_path}/a.tsv -o"
    if request.param.startswith("synthesize"):
        option = f"-o {tmp_path}/a.wav --subtitles" if "--subtitles" in request.param else "-f wav -o"
        return f"synthesize Yoo --voice {shlex.quote(str(tiny_voice))} {option}"
    return f"{request.param} Yoo -o"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, timeout=200, check=False)


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_log_that_the_shell_appends_to_keeps_what_it_holds(
    command: str, tmp_path: Path, place: str
) -> None:
    if not Path(place).exists():
        pytest.skip(f"no {place} on this system")
    if "--subtitles" in command:
        place_with_suffix = tmp_path / "out.srt"
        place_with_suffix.symlink_to(place)
        place = str(place_with_suffix)
    (tmp_path / "log").write_bytes(b"first line\n")
    done = shell(f"{shlex.quote(str(KALAKAN))} {command} {place} >> log", tmp_path)
    assert (done.returncode, done.stderr.count(b"error")) == (0, 0), done.stderr
    content = (tmp_path / "log").read_bytes()
    assert content.startswith(b"first line\n")
    assert len(content) > len(b"first line\n")


def test_a_pipe_gets_the_bytes(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.srt"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    done = shell(f"{shlex.quote(str(KALAKAN))} {command} {pipe}", tmp_path)
    reader.join(60)
    assert done.returncode == 0, done.stderr
    assert found
    assert len(found[0]) > 3
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_devices_stay_devices(command: str, tmp_path: Path) -> None:
    if "--subtitles" in command:
        (tmp_path / "full.srt").symlink_to("/dev/full")
        (tmp_path / "null.srt").symlink_to("/dev/null")
        full, null = "full.srt", "null.srt"
    else:
        full, null = "/dev/full", "/dev/null"
    done = shell(f"{shlex.quote(str(KALAKAN))} {command} {full}", tmp_path)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert shell(f"{shlex.quote(str(KALAKAN))} {command} {null}", tmp_path).returncode == 0
    assert Path("/dev/full").is_char_device()
    assert Path("/dev/null").is_char_device()


def test_a_place_without_a_folder_is_told_before_the_voice_is_loaded(tmp_path: Path) -> None:
    line = f"{shlex.quote(str(KALAKAN))} synthesize --voice /nowhere --lines -o 'out/{{n:05}}.wav'"
    done = subprocess.run(
        line, shell=True, cwd=tmp_path, input=b"Yoo\nDa yie\n", capture_output=True, timeout=200, check=False
    )
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "kalakan: error: cannot write out/00001.wav: No such file or directory; "
        "make its folder first, or choose another\n"
    )
