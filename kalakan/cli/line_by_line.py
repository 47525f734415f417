"""One line in, one answer out: the loop for scripts that pipe lines to a command."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from string import Formatter

import click

from kalakan.cli.entry import show_error
from kalakan.cli.streams import decode, write_line
from kalakan.errors import KalakanError

_WIDE = re.compile(r"[0-9]{4}")
"""In a width or precision that no file name has room for."""
Answer = Callable[[str, int], str | None]
"""Handles a line and its number, counted from 1; returns the output to print, None for nothing."""


def answer_lines(lines: Iterable[bytes], answer: Answer, blank: str | None) -> int:
    """Answers line by line and returns the exit status: 1 if a line failed.

    An error is shown with the number of its line, and the next line follows. `blank` is the answer to a blank line and
    to one that failed.
    """
    status = 0
    for number, line in enumerate(lines, 1):
        found = blank
        try:
            text = decode(line, "the line").strip("\r\n")
            if text.strip():
                found = answer(text, number)
        except KalakanError as error:
            show_error(f"line {number}: {error}")
            status = 1
        if found is not None:
            write_line(found)
            sys.stdout.flush()
    return status


def numbered(pattern: str, number: int) -> str:
    """The path of a line: `pattern` with `{n}` or `{n:05}` replaced by the line's number."""
    return pattern.format(n=number)


def check_numbered(pattern: str, option: str) -> None:
    """Raises `click.UsageError` for a pattern that does not give each line its own path."""
    try:
        # A width such as that of {n:99999999999} would fill the memory before any path is too long.
        is_short = not any(_WIDE.search(spec or "") for _, _, spec, _ in Formatter().parse(pattern))
        if is_short and numbered(pattern, 1) != numbered(pattern, 2):
            return
    except (LookupError, ValueError, AttributeError):
        pass
    raise click.UsageError(
        f"with --lines {option} needs the number of the line, as in 'speech-{{n:05}}.wav'; it is {pattern!r}"
    )
