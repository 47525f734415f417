"""The outputs of `kalakan synthesize`: files, standard output, the loudspeaker."""

from __future__ import annotations

import os
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from kalakan.audio.formats import Bits, choose_coding, format_named
from kalakan.audio.level import check_loudness
from kalakan.cli.line_by_line import check_numbered, numbered
from kalakan.cli.streams import naming_stdout
from kalakan.errors import AudioError
from kalakan.storage import check_writable, way_out


@dataclass(frozen=True)
class Shape:
    """How the audio is stored; None leaves it to the output."""

    format: str | None = None
    rate: int | None = None
    bits: Bits | None = None
    loudness: float | None = None
    """LUFS."""


class Output(ABC):
    """A destination of one or more recordings."""

    is_live = False
    """Whether the audio is played while it is generated, so that the latency of the first sound matters."""
    tells_paths = False
    """Whether `put` returns a path."""
    sample_rate = 0
    """Sample rate of the audio in Hz."""

    def open(self, sample_rate: int) -> None:
        """Prepares the output; raises `AudioError` for errors that can be detected before the first synthesis."""
        self.sample_rate = sample_rate

    @abstractmethod
    def put(self, chunks: Iterator[Any], number: int) -> str | None:
        """Takes the chunks [S_i] of text `number`, counted from 1; returns the path of its file, if it has one."""

    def close(self) -> None:  # noqa: B027 - most have nothing to finish
        """Finishes the output that all the texts share."""

    def abandon(self) -> None:  # noqa: B027 - most keep nothing of a text that failed
        """Instead of `close` after an error or a signal: what is already in a file stays playable."""


def choose_output(output: str | None, lines: bool, stream: bool, shape: Shape) -> Output:
    """The output that the options ask for; raises `click.UsageError` where they contradict each other."""
    check_loudness(shape.loudness)
    if output is None and not stream and not _is_redirected():
        return Loudspeaker(shape)
    if output is not None and output != "-":
        if stream:
            raise click.UsageError(
                f"--stream writes to standard output and -o says {output}; leave one of them out"
            )
        return Files(output, lines, shape)
    if sys.stdout.isatty():
        raise click.UsageError("audio does not belong on a terminal; give -o FILE")
    if not stream and not lines:
        return StandardOutput(shape)
    if shape.loudness is not None:
        raise click.UsageError("--loudness measures all of a file before it writes it; give -o FILE")
    return Stream(shape)


def _is_redirected() -> bool:
    """Whether standard output is a file or a pipe, so that audio is expected there."""
    mode = os.fstat(sys.stdout.fileno()).st_mode
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


class Files(Output):
    """A file for each text; with `lines` the path is a pattern."""

    tells_paths = True

    def __init__(self, path: str, lines: bool, shape: Shape) -> None:
        """Raises `AudioError` for a path that cannot be written, before a voice is loaded."""
        if lines:
            check_numbered(path, "-o")
        self._path = path
        self._lines = lines
        self._shape = shape
        try:
            check_writable(Path(self._path_of(1)))
        except OSError as error:
            raise AudioError(
                f"cannot write {self._path_of(1)}: {error.strerror}; {way_out(error)}"
            ) from error

    def open(self, sample_rate: int) -> None:
        """See `Output`."""
        from kalakan.audio.files import choose_file_coding

        super().open(sample_rate)
        shape = self._shape
        choose_file_coding(self._path_of(1), sample_rate, shape.format, shape.rate, shape.bits)

    def put(self, chunks: Iterator[Any], number: int) -> str:
        """See `Output`."""
        _write(self._path_of(number), chunks, self.sample_rate, self._shape)
        return self._path_of(number)

    def _path_of(self, number: int) -> str:
        return numbered(self._path, number) if self._lines else self._path


class StandardOutput(Output):
    """One text as a whole file on standard output."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def put(self, chunks: Iterator[Any], number: int) -> None:
        """See `Output`."""
        _write(sys.stdout.buffer, chunks, self.sample_rate, self._shape)


class Stream(Output):
    """All texts as one recording on standard output, each chunk as soon as it is generated."""

    is_live = True

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def open(self, sample_rate: int) -> None:
        """See `Output`."""
        from kalakan.audio.encoder import Encoder

        kind = format_named(self._shape.format or "wav")
        self._encoder = Encoder(choose_coding(sample_rate, kind, self._shape.rate, self._shape.bits))
        self._start = _place_in_file()
        self._has_begun = False

    def put(self, chunks: Iterator[Any], number: int) -> None:
        """See `Output`."""
        for chunk in chunks:
            self._has_begun = True
            _send(self._encoder.encode(chunk))

    def close(self) -> None:
        """See `Output`."""
        _send(self._encoder.finish())
        if self._start is not None:
            _correct(self._start, self._encoder.corrections())

    def abandon(self) -> None:
        """See `Output`."""
        if self._start is not None and self._has_begun:
            with suppress(OSError):  # the disk is full: the error that led here says so
                self.close()


class Loudspeaker(Output):
    """Plays one text after the other."""

    is_live = True

    def __init__(self, shape: Shape) -> None:
        if shape != Shape():
            raise click.UsageError(
                "--format, --rate, --bits and --loudness are those of a file; give -o FILE"
            )
        from kalakan.audio.playback import find_player

        self._player = find_player()

    def put(self, chunks: Iterator[Any], number: int) -> None:
        """See `Output`."""
        self._player.play(chunks, self.sample_rate)


def _place_in_file() -> int | None:
    """Where in a file the next byte of standard output goes; None if it is not a seekable file."""
    sys.stdout.flush()
    descriptor = sys.stdout.fileno()
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or _appends(descriptor):
        return None
    return os.lseek(descriptor, 0, os.SEEK_CUR)


def _appends(descriptor: int) -> bool:
    """Whether all output is appended to the file, as with the shell's `>>`."""
    if sys.platform == "win32":
        return False
    import fcntl

    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)


def _correct(start: int, corrections: Sequence[tuple[int, bytes]]) -> None:
    """Corrects what was written to standard output, a file, before the length was known."""
    descriptor = sys.stdout.fileno()
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    with naming_stdout():
        for place, content in corrections:
            os.lseek(descriptor, start + place, os.SEEK_SET)
            os.write(descriptor, content)
            end = max(end, start + place + len(content))
        os.lseek(descriptor, end, os.SEEK_SET)


def _send(content: bytes) -> None:
    with naming_stdout():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def _write(file: Any, chunks: Iterator[Any], sample_rate: int, shape: Shape) -> None:
    from kalakan.audio.files import choose_file_coding, write_audio_blocks

    rate = shape.rate
    if shape.loudness is not None:
        from kalakan.audio.level import leveled_stream

        coding = choose_file_coding(file, sample_rate, shape.format, shape.rate, shape.bits)
        chunks = leveled_stream(chunks, sample_rate, coding.rate, shape.loudness)
        sample_rate, rate = coding.rate, None
    write_audio_blocks(file, chunks, sample_rate, shape.format, rate=rate, bits=shape.bits)
