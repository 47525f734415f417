"""Checks headers of audio files before decoding, and reads audio."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from kalakan.audio.files import read_audio
from kalakan.data.preparation.foreign_audio import decode
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import Problem
from kalakan.data.preparation.source_files import DECODED_SUFFIXES
from kalakan.errors import AudioError

LONGEST_SILENCE_S = 600.0
"""Seconds by which a recording may exceed the limit and still be decoded, because much of it may be silence."""
LONGEST_DECODED_S = 36_000.0
"""Maximum number of seconds that are decoded to find a stretch of a file that soundfile does not read."""
TOLERANCE_S = 0.5
"""Seconds by which a stretch may end after its file: labels are rounded."""
_COARSE_CODES = frozenset({"PCM_U8", "PCM_S8", "ULAW", "ALAW", "GSM610"})
_OPEN_ENDED = 0x7FFFF000
"""Data size in a WAV header above which it is a placeholder, written before the length was known."""


def header_problems(path: Path, options: PrepareOptions, *, is_whole: bool = True) -> list[Problem]:
    """Problems of a file that can be found without decoding; complete if one of them is fatal.

    A file of which only a stretch is used may have any length.
    """
    if str(path).encode(errors="replace").decode() != str(path):
        return [Problem("unreadable_audio", f"its name is not UTF-8{_told_locale()}; rename it")]
    if not path.stat().st_size:
        return [Problem("unreadable_audio", "the file is empty")]
    if is_foreign(path):
        return []
    try:
        with quiet_decoder():
            info = soundfile.info(path)
    except TypeError:  # soundfile's, for a file without a header
        return [
            Problem("unreadable_audio", f"{path.suffix} has no header that says its rate; save it as WAV")
        ]
    except (soundfile.LibsndfileError, OSError) as error:
        reason = str(getattr(error, "error_string", error)).rstrip(".")
        return [Problem("unreadable_audio", f"no audio, or damaged in its first bytes ({reason})")]
    problems = []
    if is_whole and info.duration > options.max_seconds + LONGEST_SILENCE_S:
        return [Problem("too_long", f"{info.duration:.0f} s; at most {options.max_seconds:g}")]
    missing = _missing_bytes(path)
    if missing:
        problems.append(Problem("cut_short", f"{missing} bytes are missing"))
    problems += rate_problems(info.samplerate, options)
    if info.subtype in _COARSE_CODES:
        problems.append(Problem("coarse", f"the samples have 8 bits or fewer ({info.subtype})"))
    return problems


def is_foreign(path: Path) -> bool:
    """True for a format that soundfile does not read: its header is not checked, it is decoded at once."""
    return path.suffix.lower() in DECODED_SUFFIXES


def rate_problems(rate: int, options: PrepareOptions) -> list[Problem]:
    """The problem of a recording with fewer samples a second than the corpus."""
    if rate >= options.sample_rate:
        return []
    return [Problem("coarse", f"{rate} Hz; the corpus has {options.sample_rate} Hz (`--sample-rate`)")]


def _told_locale() -> str:
    """Hint for an error message if the locale, not the name, is at fault: a manifest stores names as text."""
    encoding = sys.getfilesystemencoding()
    return (
        "" if encoding == "utf-8" else f" in this locale, whose encoding is {encoding} (LC_ALL=C.UTF-8 helps)"
    )


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Suppresses the notes that libsndfile's MP3 decoder writes to standard error in addition to its errors."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def read_stretch(
    path: Path, stretch: tuple[float, float] | None, options: PrepareOptions
) -> tuple[NDArray[np.float32], int]:
    """Audio [S] in [-1, 1] of a file, or of the seconds `stretch` of it, channels averaged, and its rate in Hz.

    Raises `AudioError` for an unreadable file, and for a stretch outside the file.
    """
    if is_foreign(path):
        end = options.max_seconds + LONGEST_SILENCE_S if stretch is None else stretch[1] + 2 * TOLERANCE_S
        audio, rate = decode(path, min(end, LONGEST_DECODED_S))
        if stretch is None:
            return audio, rate
        first, last = _bounds(stretch, len(audio), rate)
        return audio[first:last], rate
    if stretch is None:
        return read_audio(path)
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            first, last = _bounds(stretch, file.frames, rate)
            file.seek(min(first, file.frames))
            samples = file.read(max(0, last - first), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path} cannot be read from {stretch[0]:g} s on ({error})") from error
    return samples.mean(axis=1, dtype=np.float32), rate


def _bounds(stretch: tuple[float, float], frames: int, rate: int) -> tuple[int, int]:
    """First and last sample of a stretch of a file with `frames` samples; raises `AudioError` if it ends later."""
    start, end = stretch
    last = frames if math.isinf(end) else round(end * rate)
    if last > frames + rate * TOLERANCE_S:
        raise AudioError(
            f"its stretch ends at {end:g} s and the file at {frames / rate:.2f} s; start and end are in seconds"
        )
    return round(start * rate), last


def _missing_bytes(path: Path) -> int:
    """Bytes that the data chunk of a RIFF WAV lacks; libsndfile reads such a file without an error."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return 0
        end = path.stat().st_size
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return 0 if size >= _OPEN_ENDED else max(0, file.tell() + size - end)
            file.seek(size + size % 2, 1)
    return 0
