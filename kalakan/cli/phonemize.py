"""`kalakan phonemize`: text as phonemes, from an argument, lines or a TSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from kalakan.cli.streams import read_file, read_lines, text_argument, write_file, write_line
from kalakan.errors import TextError
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import format_units
from kalakan.text.twi_g2p import TwiG2P, is_foreign


@click.command("phonemize")
@click.argument("text", required=False)
@click.option(
    "--tsv", metavar="FILE", help="Read a tab-separated file with a header; the report goes to stderr."
)
@click.option("--column", metavar="NAME", default="text", show_default=True, help="Column of --tsv to read.")
@click.option(
    "--into", metavar="NAME", default="phonemes", show_default=True, help="Name of the added column."
)
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write; - is standard output.")
@click.option("--variety", type=click.Choice(["asante", "akuapem"]), default="asante", show_default=True)
@click.option("--tone", type=click.Choice(["full", "economic"]), default="full", show_default=True)
@click.option("--lexicon", metavar="FILE", help="Readings of words: lines of word<TAB>units.")
@click.option("--ids", is_flag=True, help="Print ids instead of symbols.")
def command(
    text: str | None,
    tsv: str | None,
    column: str,
    into: str,
    output: str,
    variety: str,
    tone: str,
    lexicon: str | None,
    ids: bool,
) -> None:
    """Read TEXT, each line of standard input, or a column of a TSV file as phonemes joined by spaces."""
    if tsv is not None and text is not None:
        raise click.UsageError("give TEXT or --tsv, not both")
    reader = _Reader(TwiG2P(variety, tone=tone, lexicon=lexicon), variety, ids)
    if tsv is not None:
        _write(output, reader.table(read_file(tsv), tsv, column, into))
        click.echo(reader.report(), err=True)
    else:
        lines = read_lines() if text in (None, "-") else [text_argument(text or "")]
        _write(output, (reader.read(line) for line in lines))


class _Reader:
    """Reads lines and counts what it met."""

    def __init__(self, g2p: TwiG2P, variety: str, ids: bool) -> None:
        self.g2p, self.variety, self.ids = g2p, variety, ids
        self.rows = self.units = self.words = 0
        self.foreign: dict[str, int] = {}

    def read(self, text: str) -> str:
        sequence = self.g2p.text_to_phoneme_sequence(text)
        self.rows += 1
        self.units += len(sequence)
        return " ".join(map(str, sequence)) if self.ids else format_units(sequence)

    def table(self, content: str, source: str, column: str, into: str) -> Iterator[str]:
        """The lines of a TSV file with a column added; raises `TextError` naming the line that does not fit."""
        lines = content.removeprefix("\ufeff").split("\n")
        header = lines[0].rstrip("\r").split("\t")
        if column not in header:
            raise TextError(f"{source} has no column {column!r}; its columns are {', '.join(header)}")
        if into in header:
            raise TextError(f"{source} has a column {into!r} already; name another with --into")
        place = header.index(column)
        yield "\t".join([*header, into])
        for number, line in enumerate(lines[1:], start=2):
            line = line.rstrip("\r")
            if not line:
                continue
            fields = line.split("\t")
            if len(fields) != len(header):
                raise TextError(
                    f"{source}, line {number}: has {len(fields)} fields; the header has {len(header)}"
                )
            self._count_words(fields[place])
            yield f"{line}\t{self.read(fields[place])}"

    def _count_words(self, text: str) -> None:
        for word in normalize_text(text, variety=self.variety).split():
            word = word.rstrip(".,?!;:…")
            self.words += bool(word)
            if word and is_foreign(word):
                self.foreign[word] = self.foreign.get(word, 0) + 1

    def report(self) -> str:
        """Counts, and the commonest words whose spelling is not Twi."""
        common = sorted(self.foreign, key=lambda word: (-self.foreign[word], word))[:10]
        named = f": {', '.join(f'{word} {self.foreign[word]}' for word in common)}" if common else ""
        unknown = sum(self.g2p.unknown.values())
        return (
            f"{self.rows} rows, {self.words} words, {self.units} units; {sum(self.foreign.values())} words not "
            f"spelled as Twi ({len(self.foreign)} different){named}; {unknown} letters without a reading"
        )


def _write(output: str, lines: Iterable[str]) -> None:
    if output != "-":
        write_file(output, lines)
        return
    for line in lines:
        write_line(line)
