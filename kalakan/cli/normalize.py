"""`kalakan normalize`: shows text as the words that are synthesized, from an argument, lines or a TSV file."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import click

from kalakan.cli.kinds import FILE, WORD
from kalakan.cli.streams import read_file, read_lines, text_argument, write_lines
from kalakan.cli.table import WordCount, add_column
from kalakan.errors import TextError
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P


@click.command("normalize")
@click.argument("text", required=False)
@click.option(
    "--tsv",
    type=FILE,
    metavar="FILE",
    help="Read a tab-separated file with a header; the report goes to stderr.",
)
@click.option(
    "--column", type=WORD, metavar="NAME", default="text", show_default=True, help="Column of --tsv to read."
)
@click.option(
    "--into",
    type=WORD,
    metavar="NAME",
    default="normalized",
    show_default=True,
    help="Name of the added column.",
)
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", default="-", help="Output file; - is standard output."
)
@click.option("--variety", type=click.Choice(["asante", "akuapem"]), default="asante", show_default=True)
@click.option("--chat", type=click.Choice(["off", "narrow", "wide"]), default="narrow", show_default=True)
@click.option("--clock-to-hour", is_flag=True, help="Read 3:45 as minutes to the next hour.")
@click.option("-v", "--report", is_flag=True, help="List the characters without a reading on stderr.")
@click.option("--strict", is_flag=True, help="Reject lines with characters that have no reading.")
@click.option("--write-tones", is_flag=True, help="Write predicted tone marks on words without marks.")
def command(
    text: str | None,
    tsv: str | None,
    column: str,
    into: str,
    output: str,
    variety: str,
    chat: str,
    clock_to_hour: bool,
    report: bool,
    strict: bool,
    write_tones: bool,
) -> None:
    """Convert TEXT, each line of standard input, or a column of a TSV file to words and pause marks."""
    if tsv is not None and text is not None:
        raise click.UsageError("give TEXT or --tsv, not both")
    count = WordCount()
    lost: dict[str, int] = {}
    g2p = TwiG2P(variety, chat=chat, clock_to_hour=clock_to_hour)
    rows = changed = 0

    def read(line: str) -> str:
        nonlocal rows, changed
        normalized = normalize_text(
            line, variety=variety, chat=chat, clock_to_hour=clock_to_hour, report=lost
        )
        rows += 1
        if strict and lost:
            raise TextError(
                f"line {rows} has {_named(lost)}, which has no reading; take it out, or leave --strict away"
            )
        changed += normalized != line.lower()
        count.add(normalized)
        return g2p.write_tones(line) if write_tones else normalized

    if tsv is not None:
        write_lines(output, add_column(read_file(tsv), tsv, column, into, read))
        click.echo(
            f"{rows} rows, {changed} changed beyond case, {count.words} words; {count.report()}", err=True
        )
    else:
        lines = read_lines() if text in (None, "-") else [text_argument(text or "")]
        write_lines(output, (read(line) for line in lines))
    if report:
        click.echo(f"no reading: {_named(lost)}" if lost else "every character has a reading", err=True)


def _named(lost: Mapping[str, int]) -> str:
    """Characters with code point, name and count, most frequent first."""
    ranked = sorted(lost, key=lambda character: (-lost[character], character))
    return ", ".join(
        f"{character} (U+{ord(character):04X} {unicodedata.name(character, 'unnamed')}) x{lost[character]}"
        for character in ranked
    )
