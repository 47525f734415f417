"""TSV files with a header: a column read, a column added, and counts of their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kalakan.errors import TextError
from kalakan.text.twi_g2p import is_foreign


def add_column(
    content: str, source: str, column: str, into: str, read: Callable[[str], str]
) -> Iterator[str]:
    """The lines of a TSV file with the column `into` added: `read` of each field of `column`.

    Raises `TextError` for a column that is missing or there already, and for a line with more or fewer fields.
    """
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
        yield f"{line}\t{read(fields[place])}"


class WordCount:
    """Counts words of normalized texts, and those whose spelling is not Twi."""

    def __init__(self) -> None:
        self.words = 0
        self.foreign: dict[str, int] = {}

    def add(self, normalized: str) -> None:
        """Counts the words of one text."""
        for word in normalized.split():
            word = word.rstrip(".,?!;:…")
            self.words += bool(word)
            if word and is_foreign(word):
                self.foreign[word] = self.foreign.get(word, 0) + 1

    def report(self) -> str:
        """How many words are not spelled as Twi, and the most common ones."""
        common = sorted(self.foreign, key=lambda word: (-self.foreign[word], word))[:10]
        named = f": {', '.join(f'{word} {self.foreign[word]}' for word in common)}" if common else ""
        return f"{sum(self.foreign.values())} words not spelled as Twi ({len(self.foreign)} different){named}"
