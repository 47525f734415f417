"""Text input and output of the commands: always UTF-8, and files are written whole or not at all."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kalakan.errors import TextError
from kalakan.storage import way_out, whole_file
from kalakan.text.twi_g2p import check_plain

STDOUT = "standard output"
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@contextmanager
def naming_stdout() -> Iterator[None]:
    """An `OSError` of the block names standard output as its file."""
    try:
        yield
    except OSError as error:
        error.filename = STDOUT
        raise


def text_argument(text: str) -> str:
    """An argument of the command line; raises `TextError` if its bytes are not UTF-8."""
    return decode(os.fsencode(text), "the text")


def read_stdin() -> str:
    """All of standard input; raises `TextError` if it is not UTF-8."""
    return decode(sys.stdin.buffer.read(), "standard input")


def read_lines() -> Iterator[str]:
    """The lines of standard input without their ends, each as soon as it arrives."""
    offset = 0
    for line in sys.stdin.buffer:
        yield decode(line, "standard input", offset).rstrip("\r\n")
        offset += len(line)


def read_file(path: str | Path) -> str:
    """All text of a file; raises `TextError` if it cannot be read or is not UTF-8."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise TextError(f"{path}: cannot be read ({error.strerror}); give a text file") from error
    return decode(content, str(path))


def decode(content: bytes, source: str, offset: int = 0) -> str:
    """UTF-8 as text; raises `TextError` for a document of a word processor, and with the place of the first byte that
    is not UTF-8. `offset` is the place of `content` in the source."""
    if offset == 0:
        check_plain(content[:64].decode("latin-1"), source)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise TextError(
            f"{source} is not UTF-8: byte 0x{byte:02x} at offset {offset + error.start}; save it as UTF-8"
        ) from error


def write_line(text: str) -> None:
    """One line to standard output, as UTF-8."""
    with naming_stdout():
        sys.stdout.buffer.write(as_bytes(text) + b"\n")


@contextmanager
def going_on() -> Iterator[None]:
    """For a block that the same command resumes: says so when Ctrl-C, SIGTERM or SIGHUP ends it."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):  # the latter is what `kalakan.cli.start` makes of a signal
        complain("stopped; the same command goes on")
        raise


def complain(text: str) -> None:
    """One line to standard error, as UTF-8: its text cannot control the terminal."""
    line = as_bytes(printable(text)) + b"\n"
    buffer = getattr(sys.stderr, "buffer", None)
    if buffer is None:  # replaced by a test, or by a program that captures the output
        sys.stderr.write(line.decode("utf-8", "replace"))
        return
    sys.stderr.flush()
    buffer.write(line)
    buffer.flush()


def as_bytes(text: str) -> bytes:
    """Text as UTF-8, and file names as their bytes on the disk."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate, which JSON may contain
        return text.encode("utf-8", "replace")


def printable(text: str) -> str:
    """Text in one line, in which characters that control a terminal or the text direction are escaped as \\x1b."""
    return _STEERING.sub(
        lambda found: found[0].encode("unicode_escape").decode("ascii"), " ".join(text.splitlines())
    )


def write_file(path: str | Path, lines: Iterable[str]) -> None:
    """Lines to a file, which is replaced once the last one is written, or to a device or pipe, which gets them then.

    Raises `TextError` where it cannot be.
    """
    try:
        with whole_file(Path(path)) as file:
            file.writelines(f"{line}\n".encode() for line in lines)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TextError(f"cannot write {path}: {error.strerror or error}; {way_out(error)}") from error


def write_lines(output: str, lines: Iterable[str]) -> None:
    """Writes lines to a file, whole or not at all, or, if `output` is "-", to standard output as they come."""
    if output != "-":
        write_file(output, lines)
        return
    for line in lines:
        write_line(line)
