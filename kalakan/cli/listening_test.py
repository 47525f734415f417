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
@click.option(
    "--out", type=FOLDER, metavar="FOLDER", required=True, help="Folder for index.html and key.json."
)
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Test only this speaker of every voice; may be repeated.",
)
@click.option(
    "--texts", type=FILE, metavar="FILE", help="Sentences to rate, one per line; default: six built-in ones."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the item names.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on standard error.")
def command(
    voices: tuple[str, ...], out: str, speakers: tuple[str, ...], texts: str | None, seed: int, quiet: bool
) -> None:
    """Write a web page on which listeners judge VOICE folders (default: the voice that comes with kalakan).

    The page needs no server and no network, and works on a phone. In random order, listeners rate sentences from 1 to
    5, choose between predicted and written tones, distinguish words by their tones, and judge vowels; no voice is
    named. They send you their answers as a file. Put the files next to key.json and run `kalakan evaluate --ratings
    FOLDER` for the results.
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
