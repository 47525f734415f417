"""Playback through the loudspeaker, starting with the first chunk.

`sounddevice` plays where it is installed (`the extra `play`), else the first program of `PLAYERS` that is
on the PATH. Programs of `FILE_PLAYERS` start after the last chunk.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
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
                    _feed(process, first, parts)
                except BaseException:
                    _stop(process)
                    raise
            _check_end(Path(self._command[0]).name, process, complaints)


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


def _feed(process: subprocess.Popen[bytes], first: bytes, parts: Iterator[bytes]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(first)
        process.stdin.flush()
        for part in parts:
            process.stdin.write(part)
            process.stdin.flush()
        process.stdin.close()
    except BrokenPipeError:
        _hang_up(
            process
        )  # it closed its input; `_check_end` finds out whether it failed or its user stopped it


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    _hang_up(process)


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()


def _check_end(name: str, process: subprocess.Popen[bytes], complaints: Any) -> None:
    complaints.seek(0)
    lines = [line.strip() for line in complaints.read().decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith(_CHATTER)]
    silent = next((line for line in lines if _SILENT.search(line)), None)
    if process.returncode == 0 and silent is None:
        return
    reason = silent or (lines[-1] if lines else f"it ended with status {process.returncode}")
    raise AudioError(f"{name} cannot play: {reason}; give -o FILE")
