"""`kalakan listening-test`: a page on which listeners judge voices."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from kalakan.cli.kinds import FILE, FOLDER, SPEAKER
from kalakan.cli.streams import read_file, write_line
from kalakan.errors import TextError


@click.command("listening-test")
@click.argument("voices", type=FOLDER, metavar="[VOICE]...", nargs=-1)
@click.option("--out", type=FOLDER, metavar="FOLDER", required=True, help="Where index.html and key.json go.")
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Only this speaker of every voice; may be repeated.",
)
@click.option("--texts", type=FILE, metavar="FILE", help="Sentences to rate, one a line; default: six.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63),
    default=0,
    show_default=True,
    metavar="N",
    help="Names the items.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
def command(
    voices: tuple[str, ...], out: str, speakers: tuple[str, ...], texts: str | None, seed: int, quiet: bool
) -> None:
    """Write one page that plays VOICE folders (default: the one that comes with kalakan) and asks listeners.

    It needs no server and no network, and works on a phone. Listeners rate sentences from 1 to 5, choose between
    predicted and written tones, tell words apart by their tones, and judge vowels, in random order; no voice is named.
    They send the answers as a file. Put these beside key.json: `kalakan evaluate --ratings FOLDER` makes the table.
    """
    from kalakan.evaluation.listening.items import SENTENCES
    from kalakan.evaluation.listening.page import write_page

    sentences = SENTENCES if texts is None else _sentences(texts)
    with _progress(quiet) as progress:
        written = write_page(voices or (None,), out, speakers, sentences, seed, progress)
    size = f"{written.bytes / 1e6:.1f} MB, sounds as {written.format.upper()}"
    write_line(f"{written.page}: {written.items} questions, {size}")


def _sentences(path: str) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in read_file(path).splitlines() if line.strip())
    if not lines:
        raise TextError(f"{path}: holds no sentence; give one a line")
    return lines


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Shows "12/48 items" on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    yield lambda done, total: click.echo(f"\r{done}/{total} items", err=True, nl=done == total)
