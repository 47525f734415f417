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
from kalakan.data.preparation.time_columns import TimeColumns, time_columns, unknown_times
from kalakan.data.text_files import read_text, split_lines
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
"""The first non-empty one in a line is used: a normalized text is closest to what was said."""
SPEAKER_COLUMNS = ("speaker", "client_id", "speaker_id", "speaker_name", "spk", "spk_id")
_SWALLOWED = re.compile(rf"\n[^\n]*({'|'.join(map(re.escape, SOUND_SUFFIXES))})[,;\t\"]", re.IGNORECASE)
"""Another line of a table inside a field, because of an unclosed quote."""
_HEADERLESS = {2: ("path", "text"), 3: ("path", "text", "normalized_text")}
_SPEAKER_SECOND = ("path", "speaker", "text")
_SPEAKER_THIRD = ("path", "text", "speaker")
_MOSTLY = 0.8
"""Share of the lines whose name is none of the words of their text, or that are parts of recordings."""
LONGEST_PART_S = 1.5
"""Words and sounds are shorter than this; sentences cut from a long recording are longer."""


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    place: str
    """Name of the file, and the number of the line."""
    path: str
    """Path of the audio as given."""
    text: str
    """The transcript; "" if there is none."""
    speaker: str
    """Name of the speaker; "" if the table does not give it."""
    stretch: tuple[float, float] | None = None
    """Start and end of the utterance in its file in seconds, `inf` for the file's end; None for the whole file."""
    fault: str | None = None
    """Why the line cannot be used."""
    id: str | None = None
    """Id of the utterance where the list gives one; else it is derived from the path."""


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
    """Field delimiter."""
    has_header: bool = True
    """Whether the file has a header; else the columns were inferred from their contents."""
    speaker: str = ""
    """Speaker of the lines that name none."""

    def lines(self) -> Iterator[Line]:
        """The parsed lines; one that cannot be used has a `fault`."""
        places = [self._places(names) for names in (PATH_COLUMNS, TEXT_COLUMNS, SPEAKER_COLUMNS)]
        times = time_columns(self.columns)
        for number, fields in self.rows:
            place = f"{self.path.name}:{number}"
            fitted = self._fit(fields)
            if fitted is None:
                needed = "|".join(self.columns)
                misfit = f"{place}: has {len(fields)} columns and must have {len(self.columns)}: {needed}"
                yield Line(place, fields[0].strip(), "", "", None, misfit)
                continue
            path, text, speaker = (_first(fitted, found) for found in places)
            fault = None if path else f"{place}: names no audio file"
            stretch = None
            try:
                stretch = times.stretch(fitted)
            except ValueError:
                fault = f"{place}: {times.given(fitted)} are no stretch of a recording, in seconds"
            yield Line(place, path, text, speaker or self.speaker, stretch, fault)

    def reading(self) -> str:
        """How the columns are interpreted: "list.csv: audio from path, text from sentence; not read: age"."""
        times: TimeColumns = time_columns(self.columns)
        kinds = {
            "audio": self._places(PATH_COLUMNS),
            "text": self._places(TEXT_COLUMNS),
            "speaker": self._places(SPEAKER_COLUMNS),
            **{what: [index for index, _ in places] for what, places in times.named()},
        }
        found = []
        for what, places in kinds.items():
            if places and self.has_header:
                found.append(f"{what} from {' or '.join(self.columns[place] for place in places)}")
            elif places:
                found.append(f"{what} from column {' or '.join(str(place + 1) for place in places)}")
        known = {place for places in kinds.values() for place in places}
        rest = [name for place, name in enumerate(self.columns) if name and place not in known]
        return (
            f"{self.path.name}{'' if self.has_header else ' (no header)'}: {', '.join(found)}"
            f"{'; not read: ' if rest else ''}{', '.join(rest)}"
        )

    def is_of_parts(self) -> bool:
        """Whether the lines are of the sounds or syllables of recordings: most repeat the text of another's file."""
        whole = [(line.path, line.text) for line in self.lines() if line.stretch is not None]
        return 2 * len(set(whole)) <= len(whole) > 0

    def missing(self) -> list[str]:
        """Required columns that the header lacks."""
        needed = {
            "a path column (path, audio, file, id)": PATH_COLUMNS,
            "a text column (text, sentence, transcript)": TEXT_COLUMNS,
        }
        missing = [what for what, names in needed.items() if not self._places(names)]
        if not missing and (found := unknown_times(self.columns)):
            missing = [f"times in seconds, as start and end (it has {', '.join(found)})"]
        return missing

    def _places(self, names: Sequence[str]) -> list[int]:
        return [self.columns.index(name) for name in names if name in self.columns]

    def _fit(self, fields: tuple[str, ...]) -> tuple[str, ...] | None:
        """The fields matched to the header; a delimiter inside the text is restored where that is safe."""
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
    """Reads a table with a header, or LJSpeech's without one; fields between tabs or bars are never quoted.

    Raises `DataError` for a file that is empty, not UTF-8 or not a table, or that has bars, no header and not 2 or 3
    columns.
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
    columns = _columns_of(path, [fields for _, fields in rows])
    return Table(path, columns, tuple(rows), delimiter, has_header=False)


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
    """The columns of a bar-separated table without a header, as in most of its lines."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if width not in _HEADERLESS:
        raise DataError(
            f"{path}: has {width} columns and no header; it must be id|text or id|text|normalized text, or begin with "
            "a line such as path|speaker|text"
        )
    wide = [row for row in rows if len(row) == width]
    if width == 3:
        second, third = ([row[place].strip() for row in wide] for place in (1, 2))
        if path.suffix.lower() == ".txt" and all(name.isdecimal() for name in second):
            return _SPEAKER_SECOND  # VITS's numbers of speakers, each perhaps once in a list for validation
        for speakers, texts, columns in (
            (second, third, _SPEAKER_SECOND),
            (third, second, _SPEAKER_THIRD),
        ):
            if _are_speakers(speakers, texts):
                return columns
    return _HEADERLESS[width]


def _are_speakers(names: Sequence[str], texts: Sequence[str]) -> bool:
    """True if a column holds a few speaker names, repeated over the texts.

    A column with the normalized form of the text is different: mostly the same words, and one value for each text.
    """
    few = all(names) and len(set(names)) * 2 <= len(names)
    if not few or len(set(zip(names, texts, strict=True))) == len(set(names)):
        return False
    pairs = [(_words(name), _words(text)) for name, text in zip(names, texts, strict=True)]
    longer = sum(len(name) < len(text) for name, text in pairs)
    apart = sum(not name <= text for name, text in pairs)
    return 2 * longer >= len(pairs) and apart >= _MOSTLY * len(pairs)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


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
    fitting, faults = _tables_of(root)
    if faults and not fitting:
        name, fault = faults[0]
        raise DataError(f"{root / name}: {fault}")
    return fitting


def tables_of_recordings(root: Path) -> Chosen:
    """The tables of a folder as `of_recordings` chooses them; every other table is told. Raises like both."""
    chosen = of_recordings(find_tables(root))
    return Chosen(chosen.read, (*chosen.left, *(f"{name}: {fault}" for name, fault in _tables_of(root)[1])))


def _tables_of(root: Path) -> tuple[list[Table], list[tuple[str, str]]]:
    """The tables with the needed columns, and the name and fault of each of the others."""
    fitting, faults = [], []
    for path in table_files(root):
        if not path.stat().st_size:
            faults.append((path.name, "is empty"))
            continue
        table = read_table(path)
        if table.missing():
            fault = (
                f"its header ({', '.join(table.columns[:8])}) lacks {' and '.join(table.missing())}; name the columns "
                "in the first line"
            )
            faults.append((path.name, fault))
        else:
            fitting.append(table)
    return fitting, faults


@dataclass(frozen=True)
class Chosen:
    """The tables of a folder that are read as recordings, and the others."""

    read: tuple[Table, ...]
    """The tables."""
    left: tuple[str, ...] = ()
    """Each of the others, and why: "words.tsv: its header lacks a text column"."""


def of_recordings(tables: Sequence[Table]) -> Chosen:
    """The tables whose lines are recordings, without those of their parts where both lie together.

    Parts are stretches that repeat a text in one file, or short ones of files that another table has whole. Raises
    `DataError` where two tables of different columns differ about a recording: it would be taken twice.
    """
    whole = [{_key(line)[0] for line in table.lines() if line.stretch is None} for table in tables]
    parts = [
        table
        for index, table in enumerate(tables)
        if table.is_of_parts() or _is_inside(table, set().union(*whole[:index], *whole[index + 1 :]))
    ]
    if len(parts) == len(tables):
        parts = []
    left = tuple(
        f"{table.path.name}: its lines are parts of recordings that another table has whole"
        for table in parts
    )
    return Chosen(tuple(_agreeing([table for table in tables if table not in parts])), left)


def _is_inside(table: Table, whole: set[str]) -> bool:
    """Whether most lines are sounds or words of the recordings `whole`: short stretches of them."""
    found = [(_key(line)[0], line.stretch) for line in table.lines() if line.stretch is not None]
    short = sum(name in whole and stretch[1] - stretch[0] < LONGEST_PART_S for name, stretch in found)
    return short >= _MOSTLY * len(found) > 0


def _key(line: Line) -> tuple[str, tuple[float, float] | None]:
    """What two lines about one recording have in common."""
    return re.sub(r"\.\w{1,4}$", "", line.path.replace("\\", "/")).casefold(), line.stretch


def _agreeing(whole: Sequence[Table]) -> Sequence[Table]:
    """The tables; raises `DataError` where two of different columns differ about a recording."""
    several = len({table.columns for table in whole}) > 1
    seen: dict[tuple[str, tuple[float, float] | None], tuple[Line, Table]] = {}
    for table in whole if several else ():
        own = {}
        for line in table.lines():
            key = _key(line)
            other, home = seen.get(key, (line, table))
            if key[0] and home.columns != table.columns and _told(other) != _told(line):
                raise DataError(
                    f"{other.place} and {line.place} differ about {line.path}: {_told(other)} and {_told(line)}; leave "
                    f"one of the tables in {table.path.parent}"
                )
            own[key] = line, table
        seen |= own
    return whole


def _told(line: Line) -> str:
    speaker = f" of speaker {line.speaker}" if line.speaker else ""
    return f"{line.text!r}{speaker}"
