"""The layouts of folders with recordings: how each is recognized, and how it becomes `Recording`s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kalakan.data.preparation import lists
from kalakan.data.preparation.beside import NO_NAME, recordings_beside, recordings_of_microphones
from kalakan.data.preparation.json_lines import json_tables, recordings_with_sidecars, sidecars
from kalakan.data.preparation.lists import Listed
from kalakan.data.preparation.names import safe_id, short_hash, speaker_name
from kalakan.data.preparation.recording import Recording, Source
from kalakan.data.preparation.refused import refusal
from kalakan.data.preparation.source_files import MICROPHONES, SourceFiles, is_file
from kalakan.data.preparation.tables import (
    Line,
    Table,
    find_tables,
    read_table,
    table_files,
    tables_of_recordings,
)
from kalakan.errors import DataError

Tables = Sequence[Table | Listed]


@dataclass(frozen=True)
class Layout:
    """One layout: either tables name the recordings, or every recording has its own transcript file."""

    looks: str
    """What it looks like, for people."""
    is_here: Callable[[SourceFiles], bool]
    """Whether a folder has it. Must not raise for a folder of another layout."""
    tables: Callable[[SourceFiles], Tables] | None = None
    """Its tables; empty if there are none."""
    beside: Callable[[SourceFiles], Iterator[Recording]] = recordings_beside
    """Its recordings, for a layout without tables."""
    left: Callable[[SourceFiles], Sequence[str]] = lambda files: ()
    """Tables of the folder that are not read, each with the reason."""


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
    chosen = LAYOUTS[name]
    tables = chosen.tables(files) if chosen.tables else ()
    found = list(_rows(files, tables) if chosen.tables else chosen.beside(files))
    if not found:
        raise DataError(
            f"{root}: holds no recording with a transcript in the layout {name!r}; {_contents(files)}"
        )
    if not any(is_file(item.audio) for item in found) and (way := refusal(files, in_place=True)):
        raise DataError(f"{root}: none of the {len(found)} recordings that it names is there; {way}")
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
        tuple(files.inside(path) for path in files.texts if path not in used) if not chosen.tables else (),
        tuple(
            dict.fromkeys(table.reading() for table in tables)
        ),  # a corpus may have a metadata.csv in each folder
        tuple(chosen.left(files)),
    )


def find_layout(files: SourceFiles) -> str:
    """The layout of a folder: the first of `LAYOUTS` that it has."""
    root = files.root
    if (root / "meta.jsonl").is_file():
        raise DataError(f"{root}: holds meta.jsonl, so it is prepared already; train on it as it is")
    for name, layout in LAYOUTS.items():
        if layout.is_here(files):
            return name
    raise DataError(
        f"{root}: is of no known layout; it needs metadata.csv (id|text), a .tsv or .csv with a path and a text "
        f"column, or a .txt beside each recording; {_contents(files)}"
    )


def _contents(files: SourceFiles) -> str:
    """What the folder contains instead, for the end of an error message."""
    if found := refusal(files):
        return found
    inner = [path.parent for path in sorted(files.root.glob("*/metadata.csv"))]
    inner += [path.parent for path in sorted(files.root.glob("*/*.tsv"))]
    if inner:
        return f"did you mean {inner[0]}, which has a table?"
    return f"it holds {len(files.sounds)} audio files and {len(files.texts)} .txt files"


def _has_bars(path: Path) -> bool:
    with path.open("rb") as file:
        return b"|" in file.readline()


def _ljspeech_files(files: SourceFiles) -> list[Path]:
    """`metadata.csv`, or without it Thorsten's `metadata_train.csv`, `metadata_dev.csv` and so on."""
    whole = files.root / "metadata.csv"
    found = [whole] if whole.is_file() else sorted(files.root.glob("metadata_*.csv"))
    return [path for path in found if _has_bars(path)]


def _ljspeech(files: SourceFiles) -> list[Table]:
    """Tables of `id|text`, with an additional normalized text or speaker, or with a header."""
    whole = files.root / "metadata.csv"
    paths = [whole] if whole.is_file() else _ljspeech_files(files)
    if not paths:
        raise DataError(f"{whole}: is not there; the layout 'ljspeech' needs it")
    tables = [read_table(path) for path in paths]
    for table in tables:
        if table.missing():
            raise DataError(f"{table.path}: its header lacks {' and '.join(table.missing())}")
    return tables


def _book_tables(files: SourceFiles) -> list[Path]:
    """M-AILABS's `by_book/SEX/SPEAKER/BOOK/metadata.csv`, and `by_book/mix/BOOK/metadata.csv`."""
    named = [path for path in files.others if path.name == "metadata.csv" and "by_book" in path.parts]
    return [path for path in named if _has_bars(path)]


def _mailabs(files: SourceFiles) -> list[Table]:
    return [replace(read_table(path), speaker=path.parent.parent.name) for path in _book_tables(files)]


def _commonvoice(files: SourceFiles) -> list[Table]:
    """`validated.tsv`, otherwise `train.tsv`, `dev.tsv` and `test.tsv`, otherwise any other tables except rejected
    clips."""
    paths = {path.name: path for path in table_files(files.root) if path.name != "invalidated.tsv"}
    for names in (("validated.tsv",), ("train.tsv", "dev.tsv", "test.tsv"), tuple(paths)):
        tables = [read_table(paths[name]) for name in names if name in paths and paths[name].stat().st_size]
        if tables:
            return [table for table in tables if not table.missing()]
    return []


def _table(files: SourceFiles) -> list[Table]:
    """Every .tsv or .csv of recordings, whose header names a path and a text column.

    Raises `DataError` for two tables that say different things of one recording.
    """
    tables = list(tables_of_recordings(files.root).read)
    if not tables:
        raise DataError(
            f"{files.root}: holds no .tsv or .csv whose header names a path column (path, audio, file) and a text "
            "column (text, sentence, transcript)"
        )
    return tables


def _split_tables(files: SourceFiles) -> list[Table]:
    """Hugging Face's `train/metadata.csv`, one for each split, with the column `file_name`."""
    paths = [path for path in files.others if path.name == "metadata.csv" and path.parent != files.root]
    tables = [read_table(path) for path in paths if path.stat().st_size and not _has_bars(path)]
    return [table for table in tables if "file_name" in table.columns and not table.missing()]


def _rows(files: SourceFiles, tables: Tables) -> Iterator[Recording]:
    for table in tables:
        has_plain_ids = isinstance(table, Table) and table.delimiter == "|"
        home = table.home if isinstance(table, Listed) else None
        for line in table.lines():
            yield _recording(files, line, home or table.path.parent, has_plain_ids)


def _recording(files: SourceFiles, line: Line, folder: Path, has_plain_ids: bool) -> Recording:
    """The item of a line in a table of a folder. LJSpeech's names are plain ids, even with a folder before them."""
    name = line.path or line.place
    speaker = speaker_name(line.speaker) if line.speaker else NO_NAME
    audio = (files.sound(line.path, folder) if line.path else None) or files.root / name
    if line.id is not None:
        return Recording(safe_id(line.id), speaker, audio, line.text, None, line.fault, line.stretch)
    item = safe_id(name.replace("\\", "/").rpartition("/")[2] if has_plain_ids else name)
    if line.stretch is not None:
        item = f"{item}_{round(line.stretch[0] * 1000):07d}"
    return Recording(item, speaker, audio, line.text, None, line.fault, line.stretch)


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


def _is_deep(files: SourceFiles) -> bool:
    return max((len(audio.relative_to(files.root).parts) for audio, _ in files.transcribed()), default=0) > 2


LAYOUTS: dict[str, Layout] = {
    "kaldi": Layout(
        "Kaldi, ESPnet: wav.scp and text in a folder, with utt2spk and segments",
        lambda files: bool(lists.kaldi_folders(files)),
        lists.kaldi,
    ),
    "arctic": Layout(
        "CMU Arctic, Festvox: etc/txt.done.data and wav",
        lambda files: bool(lists.arctic_lists(files)),
        lists.arctic,
    ),
    "jsut": Layout(
        "JSUT, JVS: transcript_utf8.txt (id:text) and wav",
        lambda files: bool(lists.jsut_lists(files)),
        lists.jsut,
    ),
    "librispeech": Layout(
        "LibriSpeech, MLS: *.trans.txt or transcripts.txt (id text)",
        lambda files: bool(lists.librispeech_lists(files)),
        lists.librispeech,
    ),
    "vctk": Layout(
        "VCTK 0.92: txt and recordings of two microphones (p225_001_mic1.flac)",
        lambda files: bool(files.texts) and any(MICROPHONES.search(path.stem) for path in files.sounds),
        beside=recordings_of_microphones,
    ),
    "mailabs": Layout(
        "M-AILABS: by_book/SEX/SPEAKER/BOOK/metadata.csv",
        lambda files: bool(_book_tables(files)),
        _mailabs,
    ),
    "libritts": Layout(
        "LibriTTS: a .normalized.txt beside each recording",
        lambda files: any(path.name.lower().endswith(".normalized.txt") for path in files.texts),
    ),
    "jsonl": Layout(
        "NeMo (manifest.json), Piper (dataset.jsonl), Hugging Face (metadata.jsonl): one JSON object a recording",
        lambda files: bool(json_tables(files)),
        json_tables,
    ),
    "ljspeech": Layout(
        "LJSpeech, Thorsten: metadata.csv (id|text, id|text|normalized text) and wavs",
        lambda files: bool(_ljspeech_files(files)),
        _ljspeech,
    ),
    "lineindex": Layout(
        "OpenSLR: line_index.tsv (name, text)",
        lambda files: bool(lists.line_index_lists(files)),
        lists.line_index,
    ),
    "fleurs": Layout(
        "FLEURS: train.tsv, dev.tsv, test.tsv without a header",
        lambda files: bool(lists.fleurs_lists(files)),
        lists.fleurs,
    ),
    "audiofolder": Layout(
        "Hugging Face audiofolder: a metadata.csv (file_name, transcription) in the folder of each split",
        lambda files: not table_files(files.root) and bool(_split_tables(files)),
        _split_tables,
    ),
    "commonvoice": Layout(
        "Common Voice: validated.tsv and clips",
        lambda files: any("client_id" in table.columns for table in find_tables(files.root)),
        _commonvoice,
    ),
    "table": Layout(
        "any .tsv or .csv whose header names a path and a text",
        lambda files: bool(find_tables(files.root)),
        _table,
        left=lambda files: tables_of_recordings(files.root).left,
    ),
    "filelist": Layout(
        "VITS, Tacotron: filelists/*.txt (path|text, path|speaker|text)",
        lambda files: bool(lists.vits_lists(files)),
        lambda files: [read_table(path) for path in lists.vits_lists(files)],
    ),
    "webdataset": Layout(
        "unpacked WebDataset: a .json beside each recording",
        lambda files: bool(sidecars(files)) and not any(True for _ in files.transcribed()),
        beside=recordings_with_sidecars,
    ),
    "bibletts": Layout("BibleTTS: a .txt beside each recording, in folders of folders", _is_deep),
    "folder": Layout(
        "a .txt or .lab beside each recording", lambda files: any(True for _ in files.transcribed())
    ),
}
"""Every layout, in the order in which a folder is compared with them."""
