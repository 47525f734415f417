"""`kalakan phonemize`: text as phonemes, from an argument, lines or a TSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from kalakan.cli.kinds import FILE, WORD
from kalakan.cli.streams import read_file, read_lines, text_argument, write_lines
from kalakan.cli.table import WordCount, add_column
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import format_units
from kalakan.text.twi_g2p import TwiG2P


@click.command("phonemize")
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
    default="phonemes",
    show_default=True,
    help="Name of the added column.",
)
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", default="-", help="Output file; - is standard output."
)
@click.option("--variety", type=click.Choice(["asante", "akuapem"]), default="asante", show_default=True)
@click.option("--tone", type=click.Choice(["full", "economic"]), default="full", show_default=True)
@click.option(
    "--tones",
    type=click.Choice(["predicted", "written"]),
    default="predicted",
    show_default=True,
    help="Predict the tones of words without marks, or use written marks only.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Instead of phonemes, print a tab-separated line per word: tones, rule, confidence and source.",
)
@click.option("--lexicon", type=FILE, metavar="FILE", help="Readings of words: lines of word<TAB>units.")
@click.option("--ids", is_flag=True, help="Print ids instead of symbols.")
def command(
    text: str | None,
    tsv: str | None,
    column: str,
    into: str,
    output: str,
    variety: str,
    tone: str,
    tones: str,
    explain: bool,
    lexicon: str | None,
    ids: bool,
) -> None:
    """Convert TEXT, each line of standard input, or a column of a TSV file to phonemes joined by spaces."""
    if tsv is not None and text is not None:
        raise click.UsageError("give TEXT or --tsv, not both")
    if explain and (tsv is not None or ids or tones == "written"):
        raise click.UsageError(
            "--explain says why words have predicted tones; leave out --tsv, --ids and --tones written"
        )
    g2p, count = TwiG2P(variety, tone=tone, tones=tones, lexicon=lexicon), WordCount()
    rows = units = 0

    def read(line: str) -> str:
        nonlocal rows, units
        sequence = g2p.text_to_phoneme_sequence(line)
        rows, units = rows + 1, units + len(sequence)
        return " ".join(map(str, sequence)) if ids else format_units(sequence)

    def read_and_count(line: str) -> str:
        count.add(normalize_text(line, variety=variety))
        return read(line)

    if explain:
        write_lines(output, _explained(g2p, _lines(text)))
    elif tsv is not None:
        write_lines(output, add_column(read_file(tsv), tsv, column, into, read_and_count))
        unknown = sum(g2p.unknown.values())
        click.echo(
            f"{rows} rows, {count.words} words, {units} units; {count.report()}; {unknown} letters without a reading",
            err=True,
        )
    else:
        write_lines(output, (read(line) for line in _lines(text)))


def _lines(text: str | None) -> Iterable[str]:
    return read_lines() if text in (None, "-") else [text_argument(text or "")]


def _explained(g2p: TwiG2P, lines: Iterable[str]) -> Iterator[str]:
    """One line per word; an empty line between two lines of text."""
    for number, line in enumerate(lines):
        if number:
            yield ""
        for decision in g2p.explain_tones(line):
            yield "\t".join(decision)
