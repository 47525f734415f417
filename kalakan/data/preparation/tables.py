"""Metadata tables: LJSpeech's `metadata.csv`, and TSV or CSV files with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kalakan.errors import DataError

PATH_COLUMNS = ("path", "audio", "file", "filename", "audio_path", "file_name", "wav")
TEXT_COLUMNS = ("text", "sentence", "transcript", "transcription", "normalized_text")
SPEAKER_COLUMNS = ("speaker", "client_id", "speaker_id", "speaker_name")


@dataclass(frozen=True)
class Table:
    """A TSV or CSV file in memory."""

    path: Path
    """The file."""
    columns: tuple[str, ...]
    """Its header, in lower case."""
    lines: tuple[tuple[str, ...], ...]
    """Its rows."""

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Audio path, text and speaker ("" where there is none) of each row."""
        places = [self._column(names) for names in (PATH_COLUMNS, TEXT_COLUMNS, SPEAKER_COLUMNS)]
        for number, line in enumerate(self.lines, start=2):
            if len(line) < len(self.columns):
                raise DataError(
                    f"{self.path}:{number}: has {len(line)} columns and the header has {len(self.columns)}"
                )
            path, text, speaker = ("" if place is None else line[place].strip() for place in places)
            if not path:
                raise DataError(f"{self.path}:{number}: names no audio file")
            yield path, text, speaker

    def _column(self, names: tuple[str, ...]) -> int | None:
        return next((self.columns.index(name) for name in names if name in self.columns), None)

    def missing(self) -> list[str]:
        """What a corpus needs and the header does not name."""
        needed = {"a path column": PATH_COLUMNS, "a text column": TEXT_COLUMNS}
        return [
            f"{what} ({', '.join(names)})" for what, names in needed.items() if self._column(names) is None
        ]


def read_ljspeech(path: Path) -> Iterator[tuple[str, str]]:
    """Id and text of each line of `id|text` or `id|text|normalized text`; the normalized text is preferred."""
    if not path.is_file():
        raise DataError(f"{path}: is not there; the layout 'ljspeech' needs it")
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        fields = [field.strip() for field in line.split("|")]
        if not line.strip():
            continue
        if len(fields) < 2 or not fields[0]:
            raise DataError(
                f"{path}:{number}: has {len(fields)} columns; it must be id|text or id|text|normalized"
            )
        yield fields[0], fields[2] if len(fields) > 2 and fields[2] else fields[1]


def table_files(root: Path) -> list[Path]:
    """The .tsv and .csv files of a folder, sorted."""
    return sorted(
        path for path in root.iterdir() if path.suffix.lower() in (".tsv", ".csv") and path.is_file()
    )


def find_table(root: Path) -> Table | None:
    """The first table of a folder that has a path and a text column; None if there is no table at all.

    Raises `DataError` if there are tables and none has both.
    """
    tables = [read_table(path) for path in table_files(root)]
    fitting = [table for table in tables if not table.missing()]
    if tables and not fitting:
        raise DataError(f"{tables[0].path}: its header lacks {' and '.join(tables[0].missing())}")
    return fitting[0] if fitting else None


def read_table(path: Path) -> Table:
    """A table with its header; tabs in a .tsv are never quoted, as in Common Voice."""
    lines = _read_text(path).splitlines()
    rows = (
        csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        if path.suffix.lower() == ".tsv"
        else csv.reader(lines)
    )
    found = [tuple(row) for row in rows if row]
    if not found:
        raise DataError(f"{path}: is empty")
    return Table(path, tuple(name.strip().lower() for name in found[0]), tuple(found[1:]))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
