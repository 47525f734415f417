"""Layouts of folders with recordings: reads one `Recording` per item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kalakan.data.preparation.names import safe_id, short_hash, speaker_name
from kalakan.data.preparation.source_files import SOUND_FOLDERS, SourceFiles
from kalakan.data.preparation.tables import Table, find_tables, read_table, table_files
from kalakan.errors import DataError

_NO_SPEAKERS = frozenset(
    {"train", "dev", "test", "valid", "validation", "flac", "wav48", "txt", *SOUND_FOLDERS}
)
_NOBODY = re.compile(
    r"(train|dev|test|valid|eval)([-_.].*)?|(fe)?males?|(wo)?m[ae]n|girls?|boys?|[fm]|speakers?|voices?|data|corpus|"
    r"(session|sess|part|chapter|chap|day|disc|cd|vol|volume|book|set|batch|take|rec|recording)s?[-_ ]*\d*|\d+",
    re.IGNORECASE,
)
"""Folders named for the kind or time of recordings, not for a speaker."""
_BOOK = re.compile("[1-4]?[A-Z]{2,3}")
_SPEAKER = "speaker"
"""Speaker name for layouts without speakers."""


@dataclass(frozen=True)
class Recording:
    """One item of a source folder; only its name and text have been read."""

    id: str
    """Unique in the folder, valid as a file name, and the same on every run."""
    speaker: str
    """Name of the speaker."""
    audio: Path
    """Expected path of the audio."""
    text: str | None
    """The transcript as written; None if it is in a separate file."""
    text_file: Path | None = None
    """That file."""
    fault: str | None = None
    """Why its table line cannot be used."""
    stretch: tuple[float, float] | None = None
    """Start and end in `audio` in seconds; None for the whole file."""


@dataclass(frozen=True)
class Source:
    """Contents of a source folder."""

    folder: Path
    """The folder."""
    layout: str
    """Key of `LAYOUTS`."""
    recordings: tuple[Recording, ...]
    """Every item, sorted by id."""
    repeated: int
    """Number of table lines that repeat another line."""
    without_text: tuple[str, ...]
    """Audio files without a transcript."""
    without_audio: tuple[str, ...]
    """Separate transcript files without an audio file."""
    columns: tuple[str, ...] = ()
    """How each table's columns were interpreted."""


def read_layout(folder: str | Path, layout: str = "auto", speaker: str | None = None) -> Source:
    """Contents of a folder. `layout` is "auto" or a key of `LAYOUTS`; `speaker` overrides the layout's speaker names.

    Raises `DataError` for a folder that does not exist, has no known layout or no recordings, and for a table without
    the required columns.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; give the folder of recordings and transcripts")
    if layout != "auto" and layout not in LAYOUTS:
        raise DataError(f"layout {layout!r} is not known; choose auto, {', '.join(LAYOUTS)}")
    files = SourceFiles(root)
    name = find_layout(files) if layout == "auto" else layout
    tables = TABLE_LAYOUTS[name](files) if name in TABLE_LAYOUTS else []
    found = list(_rows(files, tables) if name in TABLE_LAYOUTS else _beside(files))
    if not found:
        raise DataError(
            f"{root}: holds no recording with a transcript in the layout {name!r}; {_contents(files)}"
        )
    if speaker is not None:
        found = [replace(item, speaker=safe_id(speaker)) for item in found]
    recordings = _distinct(files, found)
    used = {item.audio for item in recordings} | {item.text_file for item in recordings}
    return Source(
        root,
        name,
        tuple(sorted(recordings, key=lambda item: item.id)),
        len(found) - len(recordings),
        tuple(files.inside(path) for path in files.sounds if path not in used),
        tuple(files.inside(path) for path in files.texts if path not in used)
        if name not in TABLE_LAYOUTS
        else (),
        tuple(table.reading() for table in tables),
    )


def find_layout(files: SourceFiles) -> str:
    """The layout of a folder: the first of "ljspeech", "commonvoice", "table", "bibletts" and "folder" that matches."""
    root = files.root
    if (root / "meta.jsonl").is_file():
        raise DataError(f"{root}: holds meta.jsonl, so it is prepared already; train on it as it is")
    if _is_ljspeech(root / "metadata.csv"):
        return "ljspeech"
    tables = find_tables(root)
    if tables:
        return "commonvoice" if any("client_id" in table.columns for table in tables) else "table"
    depths = {len(audio.relative_to(root).parts) for audio, _ in files.transcribed()}
    if not depths:
        raise DataError(
            f"{root}: is of no known layout; it needs metadata.csv (id|text), a .tsv or .csv with a path and a text "
            f"column, or a .txt beside each recording; {_contents(files)}"
        )
    return "bibletts" if max(depths) > 2 else "folder"


def _contents(files: SourceFiles) -> str:
    """What the folder contains instead, for the end of an error message."""
    inner = [path.parent for path in sorted(files.root.glob("*/metadata.csv"))]
    inner += [path.parent for path in sorted(files.root.glob("*/*.tsv"))]
    if inner:
        return f"did you mean {inner[0]}, which has a table?"
    sheets = [
        path.name for path in sorted(files.root.iterdir()) if path.suffix.lower() in (".xlsx", ".xls", ".ods")
    ]
    if sheets:
        return f"{sheets[0]} is not read: save the sheet as CSV in UTF-8"
    return f"it holds {len(files.sounds)} audio files and {len(files.texts)} .txt files"


def _is_ljspeech(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"|" in file.readline()


def _ljspeech(files: SourceFiles) -> list[Table]:
    """`metadata.csv` of `id|text`, with an additional normalized text or speaker, or with a header."""
    path = files.root / "metadata.csv"
    if not path.is_file():
        raise DataError(f"{path}: is not there; the layout 'ljspeech' needs it")
    table = read_table(path)
    if table.missing():
        raise DataError(f"{path}: its header lacks {' and '.join(table.missing())}")
    return [table]


def _commonvoice(files: SourceFiles) -> list[Table]:
    """`validated.tsv`, else `train.tsv`, `dev.tsv` and `test.tsv`, else any other tables except rejected clips."""
    paths = {path.name: path for path in table_files(files.root) if path.name != "invalidated.tsv"}
    for names in (("validated.tsv",), ("train.tsv", "dev.tsv", "test.tsv"), tuple(paths)):
        tables = [read_table(paths[name]) for name in names if name in paths and paths[name].stat().st_size]
        if tables:
            return [table for table in tables if not table.missing()]
    return []


def _table(files: SourceFiles) -> list[Table]:
    """Every .tsv or .csv whose header names a path and a text column."""
    tables = find_tables(files.root)
    if not tables:
        raise DataError(
            f"{files.root}: holds no .tsv or .csv whose header names a path column (path, audio, file) and a text "
            "column (text, sentence, transcript)"
        )
    return tables


def _rows(files: SourceFiles, tables: Sequence[Table]) -> Iterator[Recording]:
    for table in tables:
        for line in table.lines():
            name = line.path or line.place
            speaker = speaker_name(line.speaker) if line.speaker else _SPEAKER
            audio = (files.sound(line.path) if line.path else None) or files.root / name
            item = _id_of(table, name)
            if line.stretch is not None:
                item = f"{item}_{round(line.stretch[0] * 1000):07d}"
            yield Recording(item, speaker, audio, line.text, None, line.fault, line.stretch)


def _id_of(table: Table, name: str) -> str:
    """Id for a name: LJSpeech's names are ids, even with a folder before them."""
    return safe_id(name.replace("\\", "/").rpartition("/")[2] if table.delimiter == "|" else name)


def _beside(files: SourceFiles) -> Iterator[Recording]:
    """Recordings with a .txt of the same stem in the same folder, at any depth.

    The speaker is the folder whose name is a prefix of the file name (`p225/p225_001.wav`), else the innermost folder
    that can name a speaker: no split, session or sex (`female/ama/session2/1.wav`), and no book of BibleTTS
    (`EZR/EZR_001_Verse_001.flac`).
    """
    for audio, text in files.transcribed():
        folders = [
            part
            for part in audio.relative_to(files.root).parts[:-1]
            if part.lower() not in _NO_SPEAKERS and not _is_book(part, audio.stem)
        ]
        speaker = speaker_name(_speaker_of(folders, audio.stem)) if folders else _SPEAKER
        parts = [part for part in folders if not audio.stem.startswith(part)]
        yield Recording(safe_id("/".join([*parts, audio.name])), speaker, audio, None, text)


def _speaker_of(folders: Sequence[str], stem: str) -> str:
    """The speaker's folder among the parents of a recording, outermost first."""
    named = [name for name in folders if re.match(re.escape(name) + "[-_. ]", stem)]
    people = [name for name in folders if not _NOBODY.fullmatch(name)]
    return (named[:1] or people[-1:] or list(folders[:1]))[0]


def _is_book(folder: str, stem: str) -> bool:
    return bool(_BOOK.fullmatch(folder)) and stem.startswith(f"{folder}_")


def _distinct(files: SourceFiles, found: Iterable[Recording]) -> list[Recording]:
    """The items without duplicates; if two would share an id, a hash is appended to the later one."""
    kept: list[Recording] = []
    same: set[Recording] = set()
    ids: set[str] = set()
    for item in found:
        if item in same:
            continue
        same.add(item)
        name = item.id
        if name.lower() in ids:  # a file system may be case-insensitive
            name = (
                f"{name}_{short_hash(f'{files.inside(item.audio)} {item.speaker} {item.text} {item.fault}')}"
            )
        ids.add(name.lower())
        kept.append(replace(item, id=name))
    return kept


TABLE_LAYOUTS: dict[str, Callable[[SourceFiles], list[Table]]] = {
    "ljspeech": _ljspeech,
    "commonvoice": _commonvoice,
    "table": _table,
}
"""Finds the tables of each layout that has tables."""
LAYOUTS = (*TABLE_LAYOUTS, "bibletts", "folder")
"""Every layout. BibleTTS and plain folders are read the same way."""
