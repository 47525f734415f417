"""Metadata tables: LJSpeech's `metadata.csv`, with or without a header, and TSV or CSV files with one."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kalakan.data.preparation.source_files import SOUND_SUFFIXES
from kalakan.data.preparation.text_files import read_text, split_lines
from kalakan.errors import DataError

PATH_COLUMNS = (
    *("path", "audio", "file", "filename", "audio_path", "audio_file", "audio_filename", "audio_filepath"),
    *(
        "file_name",
        "file_path",
        "filepath",
        "wav",
        "wav_path",
        "wav_file",
        "clip",
        "id",
        "file_id",
        "utterance_id",
    ),
)
TEXT_COLUMNS = (
    *(
        "normalized_text",
        "normalized_transcription",
        "normalized_transcript",
        "text",
        "sentence",
        "transcript",
    ),
    *("transcription", "raw_text", "utterance"),
)
"""The first of them that is filled in a line is read: a normalized text says what the speaker said."""
SPEAKER_COLUMNS = ("speaker", "client_id", "speaker_id", "speaker_name")
_SWALLOWED = re.compile(rf"\n[^\n]*({'|'.join(map(re.escape, SOUND_SUFFIXES))})[,;\t\"]", re.IGNORECASE)
"""Another line of a table inside a field, because a quote was not closed."""
_HEADERLESS = {2: ("path", "text"), 3: ("path", "text", "normalized_text")}
_WITH_SPEAKER = ("path", "speaker", "text")


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    place: str
    """Name of the file, and the number of the line."""
    path: str
    """Where the audio is said to be."""
    text: str
    """The transcript; "" if there is none."""
    speaker: str
    """Who speaks; "" if the table does not say."""
    fault: str | None = None
    """Why the line cannot be used."""


@dataclass(frozen=True)
class Table:
    """A table in memory."""

    path: Path
    """The file."""
    columns: tuple[str, ...]
    """Its header, in lower case."""
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Number and fields of each line."""
    delimiter: str
    """What divides the fields."""

    def lines(self) -> Iterator[Line]:
        """What each line says; one that does not say it has a `fault`."""
        places = [self._places(names) for names in (PATH_COLUMNS, TEXT_COLUMNS, SPEAKER_COLUMNS)]
        for number, fields in self.rows:
            place = f"{self.path.name}:{number}"
            fitted = self._fit(fields)
            if fitted is None:
                needed = "|".join(self.columns)
                fault = f"{place}: has {len(fields)} columns and must have {len(self.columns)}: {needed}"
                yield Line(place, fields[0].strip(), "", "", fault)
                continue
            path, text, speaker = (_first(fitted, found) for found in places)
            yield Line(place, path, text, speaker, None if path else f"{place}: names no audio file")

    def missing(self) -> list[str]:
        """What a corpus needs and the header does not name."""
        needed = {
            "a path column (path, audio, file, id)": PATH_COLUMNS,
            "a text column (text, sentence, transcript)": TEXT_COLUMNS,
        }
        return [what for what, names in needed.items() if not self._places(names)]

    def _places(self, names: Sequence[str]) -> list[int]:
        return [self.columns.index(name) for name in names if name in self.columns]

    def _fit(self, fields: tuple[str, ...]) -> tuple[str, ...] | None:
        """The fields as the header has them; a delimiter inside the text is put back where that is safe."""
        while len(fields) > len(self.columns) and not fields[-1].strip():
            fields = fields[:-1]
        width, texts = len(self.columns), self._places(TEXT_COLUMNS)
        if len(fields) <= width:
            is_whole = len(fields) > max(self._places(PATH_COLUMNS)[0], min(texts))
            return (*fields, *[""] * (width - len(fields))) if is_whole else None
        if texts == [width - 1]:
            return (*fields[: width - 1], self.delimiter.join(fields[width - 1 :]))
        middle = (1 + len(fields)) // 2  # id|a|b|a|b: the text twice, with the delimiter in it
        if self.columns == _HEADERLESS[3] and fields[1:middle] == fields[middle:]:
            text = self.delimiter.join(fields[middle:])
            return fields[0], text, text
        return None


def read_table(path: Path) -> Table:
    """A table with its header, or LJSpeech's without one; tabs and bars are never quoted.

    Raises `DataError` for a file that is empty, not UTF-8, no table, or has bars, no header and not 2 or 3 columns.
    """
    text = read_text(path)
    first = next((line for line in split_lines(text) if line.strip()), None)
    if first is None:
        raise DataError(f"{path}: is empty")
    delimiter = _delimiter(path, first)
    if delimiter in "\t|":
        numbered = [
            (number, tuple(line.split(delimiter))) for number, line in enumerate(split_lines(text), 1)
        ]
    else:
        numbered = list(_csv_rows(path, text, delimiter))
    rows = [(number, fields) for number, fields in numbered if any(field.strip() for field in fields)]
    columns = tuple(name.strip().strip('"').lower() for name in rows[0][1])
    table = Table(path, columns, tuple(rows[1:]), delimiter)
    if delimiter != "|" or not table.missing():
        return table
    return Table(path, _columns_of(path, [fields for _, fields in rows]), tuple(rows), delimiter)


def _delimiter(path: Path, first: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return "|" if "|" in first else max(",;\t", key=first.count)


def _csv_rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for fields in reader:
            if any(_SWALLOWED.search(field) for field in fields):
                raise csv.Error("a field runs over other lines")
            yield reader.line_num, tuple(fields)
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}: cannot be read as CSV ({error}); is a quote missing?"
        ) from error


def _columns_of(path: Path, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The columns of a table of bars without a header: as most lines have them."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width not in _HEADERLESS:
        raise DataError(
            f"{path}: has {width} columns and no header; it must be id|text or id|text|normalized text, or begin with "
            "a line such as path|speaker|text"
        )
    wide = [row for row in rows if len(row) == width]
    if width == 3 and _are_speakers([row[1].strip() for row in wide], [row[2].strip() for row in wide]):
        return _WITH_SPEAKER
    return _HEADERLESS[width]


def _are_speakers(second: Sequence[str], third: Sequence[str]) -> bool:
    """True for `id|speaker|text`: few names without spaces, and texts behind them that are longer."""
    are_names = all(name and len(name.split()) == 1 for name in second)
    return are_names and len(set(second)) * 2 <= len(second) and any(" " in text for text in third)


def _first(fields: Sequence[str], places: Sequence[int]) -> str:
    return next((fields[place].strip() for place in places if fields[place].strip()), "")


def table_files(root: Path) -> list[Path]:
    """The .tsv and .csv files of a folder, sorted."""
    return sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() in (".tsv", ".csv") and path.is_file() and not path.name.startswith(".")
    )


def find_tables(root: Path) -> list[Table]:
    """The tables of a folder that have a path and a text column; none if there is no table at all.

    Raises `DataError` if there are tables and none has both, and for one that cannot be read.
    """
    fitting, faults = [], []
    for path in table_files(root):
        if not path.stat().st_size:
            faults.append(f"{path}: is empty")
            continue
        table = read_table(path)
        if table.missing():
            faults.append(
                f"{path}: its header ({', '.join(table.columns[:8])}) lacks {' and '.join(table.missing())}; name the "
                "columns in the first line"
            )
        else:
            fitting.append(table)
    if faults and not fitting:
        raise DataError(faults[0])
    return fitting
