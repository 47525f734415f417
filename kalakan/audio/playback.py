"""Playback through the loudspeaker, starting with the first chunk.

`sounddevice` plays where it is installed (`the extra `play`), else the first program of `PLAYERS` that is
on the PATH. Programs of `FILE_PLAYERS` start after the last chunk.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from kalakan.audio.encoder import Encoder
from kalakan.audio.formats import FORMATS, choose_coding
from kalakan.errors import AudioError, how_to_install

PLAYERS = {
    "paplay": (),
    "aplay": ("-q", "-"),
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error", "-f", "wav", "-i", "-"),
    "play": ("-q", "--ignore-length", "-t", "wav", "-"),
    "mpv": ("--no-video", "--really-quiet", "-"),
}
"""Programs that play a WAV stream from their standard input, and their arguments, best first."""
FILE_PLAYERS = ("pw-play", "afplay")
"""Programs that play a file. Not all versions of pw-play support standard input."""

_CHATTER = "ALSA lib"
"""Prefix of ALSA's log lines, which are also written when playback succeeds."""
_SILENT = re.compile(
    r"audio open failed|no sound|(could not|couldn't|failed to|cannot) (open|initialize)", re.I
)
"""Error messages of failed playback; ffplay without a sound card exits as if it had succeeded."""


class Player(Protocol):
    """Plays audio through the loudspeaker."""

    def play(self, chunks: Iterable[Any], sample_rate: int) -> None:
        """Plays chunks [S_i] in [-1, 1] of one recording, and returns when the last one has been played.

        Raises `AudioError` if it cannot. If `chunks` raises, the sound stops.
        """
        ...


def find_player() -> Player:
    """The player that this machine has; raises `AudioError` with advice if there is none."""
    reason, cure = "sounddevice is not installed", how_to_install("play")
    try:
        from kalakan.audio.sound_device import SoundDevice

        return SoundDevice()
    except ImportError:
        pass
    except AudioError as error:
        reason, cure = f"sounddevice: {error}", "connect a device"
    except OSError as error:
        reason, cure = f"sounddevice: {error}", "install PortAudio (libportaudio2)"
    for name in (*PLAYERS, *FILE_PLAYERS):
        path = shutil.which(name)
        if path is not None:
            return FileProgram(path) if name in FILE_PLAYERS else StreamProgram(path, PLAYERS[name])
    programs = ", ".join((*PLAYERS, *FILE_PLAYERS))
    raise AudioError(f"no sound device: {reason}, and none of {programs} is here; give -o FILE, or {cure}")


class StreamProgram:
    """A program that plays its standard input."""

    def __init__(self, path: str, arguments: Iterable[str]) -> None:
        self._command = [path, *arguments]

    def play(self, chunks: Iterable[Any], sample_rate: int) -> None:
        """See `Player.play`."""
        encoder = Encoder(choose_coding(sample_rate, FORMATS["wav"]))
        parts = _encoded(encoder, chunks)
        first = next(parts)  # an error in the first chunk is raised before the program starts
        with tempfile.TemporaryFile() as complaints:
            with subprocess.Popen(self._command, stdin=subprocess.PIPE, stderr=complaints) as process:
                try:
                    taken = _feed(process, first, parts)
                except BaseException:
                    _stop(process)
                    raise
            _check_end(Path(self._command[0]).name, process, complaints, taken)


class FileProgram:
    """A program that plays a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def play(self, chunks: Iterable[Any], sample_rate: int) -> None:
        """See `Player.play`."""
        from kalakan.audio.files import write_audio_blocks  # imported here, because it imports libsndfile

        with tempfile.TemporaryDirectory(prefix="kalakan-") as folder, tempfile.TemporaryFile() as complaints:
            file = Path(folder) / "speech.wav"
            write_audio_blocks(file, chunks, sample_rate)
            with subprocess.Popen([self._path, str(file)], stderr=complaints) as process:
                try:
                    process.wait()
                except BaseException:
                    process.kill()
                    raise
            _check_end(Path(self._path).name, process, complaints)


def _encoded(encoder: Encoder, chunks: Iterable[Any]) -> Iterator[bytes]:
    for chunk in chunks:
        yield encoder.encode(chunk)
    yield encoder.finish()


def _feed(process: subprocess.Popen[bytes], first: bytes, parts: Iterator[bytes]) -> int | None:
    """Writes the audio to the program's standard input, and closes it. Returns how many bytes the program has read, as
    soon as it has ended; None if this system cannot tell."""
    assert process.stdin is not None
    pipe = process.stdin.fileno()
    written = 0
    try:
        for part in chain((first,), parts):
            rest = memoryview(part)
            while rest:
                count = os.write(pipe, rest)
                written, rest = written + count, rest[count:]
    except BrokenPipeError:
        # It closed its input; `_check_end` finds out whether it failed or its user stopped it.
        unread = _unread(pipe)
        _hang_up(process)
        return None if unread is None else written - unread
    with _other_end(pipe) as ours:  # what is left in a pipe is lost with its last descriptor
        process.stdin.close()
        process.wait()
        unread = None if ours is None else _unread(ours)
    return None if unread is None else written - unread


@contextmanager
def _other_end(pipe: int) -> Iterator[int | None]:
    """A descriptor that reads the pipe; None where the system has no way to open one."""
    try:
        end = os.open(f"/proc/self/fd/{pipe}", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        yield None
        return
    try:
        yield end
    finally:
        os.close(end)


def _unread(pipe: int) -> int | None:
    """Number of bytes in a pipe that nobody has read; None if the system does not tell."""
    try:
        import fcntl
        import termios
    except ImportError:  # Windows
        return None
    count = array("i", [0])
    try:
        fcntl.ioctl(pipe, termios.FIONREAD, count)
    except OSError:
        return None
    return count[0]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    _hang_up(process)


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()


def _check_end(
    name: str, process: subprocess.Popen[bytes], complaints: Any, taken: int | None = None
) -> None:
    """Raises `AudioError` if a program that has ended failed, or took none of the audio (`taken` bytes, if known)."""
    complaints.seek(0)
    lines = [line.strip() for line in complaints.read().decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith(_CHATTER)]
    silent = next((line for line in lines if _SILENT.search(line)), None)
    if process.returncode == 0 and silent is None and taken != 0:
        return
    status = f"it ended with status {process.returncode}"
    if taken == 0:
        status += " and read none of the audio"
    reason = silent or (lines[-1] if lines else status)
    raise AudioError(f"{name} cannot play: {reason}; give -o FILE")
