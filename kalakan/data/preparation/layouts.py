"""How a folder of recordings is laid out, and what it holds: one `Recording` for each item."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kalakan.data.preparation.tables import Table, find_table, read_ljspeech, read_table, table_files
from kalakan.errors import DataError

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
_SPLIT_FOLDERS = frozenset({"train", "dev", "test", "valid", "validation"})
_AUDIO_FOLDERS = ("", "clips", "wavs", "audio")


@dataclass(frozen=True)
class Recording:
    """One item of a source folder, before anything is read but its name and text."""

    id: str
    """Unique in the folder, fit for a file name, and the same on every run."""
    speaker: str
    """Who speaks."""
    audio: Path
    """Where the audio should be."""
    text: str | None
    """The transcript as written; None where it is in a file of its own."""
    text_file: Path | None = None
    """That file."""


def read_layout(folder: str | Path, layout: str = "auto", speaker: str = "speaker") -> list[Recording]:
    """Every recording of a folder, sorted by id.

    `layout` is "auto" or a key of `LAYOUTS`; `speaker` names whoever the layout does not name. Raises `DataError`
    for a folder that is not there, of no known layout or of no recording, a table without the columns, and two
    items of one id.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; give the folder of recordings and transcripts")
    if layout != "auto" and layout not in LAYOUTS:
        raise DataError(f"layout {layout!r} is not known; choose auto, {', '.join(LAYOUTS)}")
    name = find_layout(root) if layout == "auto" else layout
    recordings = sorted(LAYOUTS[name](root, speaker), key=lambda item: item.id)
    if not recordings:
        raise DataError(f"{root}: holds no recording with a transcript in the layout {name!r}")
    seen: dict[str, Recording] = {}
    for item in recordings:
        if item.id in seen:
            raise DataError(
                f"{root}: {seen[item.id].audio} and {item.audio} would both have the id {item.id!r}"
            )
        seen[item.id] = item
    return recordings


def find_layout(root: Path) -> str:
    """The layout of a folder: the first of "ljspeech", "commonvoice", "table", "bibletts" and "folder" that fits."""
    if (root / "meta.jsonl").is_file():
        raise DataError(f"{root}: holds meta.jsonl, so it is prepared already; train on it as it is")
    if _is_ljspeech(root):
        return "ljspeech"
    found = find_table(root)
    if found is not None:
        return "commonvoice" if "client_id" in found.columns else "table"
    depths = {len(item.audio.relative_to(root).parts) for item in _beside(root, "speaker")}
    if not depths:
        raise DataError(
            f"{root}: is of no known layout; it needs metadata.csv (id|text), a .tsv or .csv with a path and a text "
            "column, or a .txt beside each recording"
        )
    return "bibletts" if max(depths) > 2 else "folder"


def _is_ljspeech(root: Path) -> bool:
    path = root / "metadata.csv"
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return "|" in file.readline()


def _ljspeech(root: Path, speaker: str) -> Iterator[Recording]:
    """`metadata.csv` of `id|text` or `id|text|normalized text`, and `wavs/<id>.wav`."""
    for name, text in read_ljspeech(root / "metadata.csv"):
        yield Recording(safe_id(Path(name).stem), speaker, _find_audio(root, name), text)


def _commonvoice(root: Path, speaker: str) -> Iterator[Recording]:
    """`validated.tsv`, else `train.tsv`, `dev.tsv` and `test.tsv`, else what else there is but rejected clips."""
    files = {path.name: path for path in table_files(root) if path.name != "invalidated.tsv"}
    for names in (("validated.tsv",), ("train.tsv", "dev.tsv", "test.tsv"), tuple(files)):
        tables = [read_table(files[name]) for name in names if name in files]
        if tables:
            for table in tables:
                if not table.missing():
                    yield from _rows(root, table, speaker)
            return


def _table(root: Path, speaker: str) -> Iterator[Recording]:
    """One .tsv or .csv whose header names a path and a text column."""
    found = find_table(root)
    if found is None:
        raise DataError(
            f"{root}: holds no .tsv or .csv whose header names a path column (path, audio, file) and a text column "
            "(text, sentence, transcript)"
        )
    return _rows(root, found, speaker)


def _rows(root: Path, table: Table, speaker: str) -> Iterator[Recording]:
    for path, text, who in table.rows():
        yield Recording(safe_id(path), safe_id(who[:16]) if who else speaker, _find_audio(root, path), text)


def _beside(root: Path, speaker: str) -> Iterator[Recording]:
    """Recordings with a .txt of the same stem beside them, at any depth.

    The speaker is the first folder that is neither a split (`train`, `dev`, `test`) nor a book of BibleTTS
    (`EZR/EZR_001_Verse_001.flac`).
    """
    for audio in sorted(root.rglob("*")):
        text = audio.with_suffix(".txt")
        if audio.suffix.lower() not in AUDIO_SUFFIXES or not text.is_file():
            continue
        inside = audio.relative_to(root)
        folders = [
            part
            for part in inside.parts[:-1]
            if part.lower() not in _SPLIT_FOLDERS | set(_AUDIO_FOLDERS) and not audio.stem.startswith(part)
        ]
        name = str(Path(*folders, audio.name))
        yield Recording(safe_id(name), safe_id(folders[0]) if folders else speaker, audio, None, text)


def safe_id(name: str) -> str:
    """A name without its audio suffix, fit for a file name: what had to change is told apart by a hash."""
    path = Path(name)
    bare = str(path.with_suffix("")) if path.suffix.lower() in AUDIO_SUFFIXES else name
    safe = re.sub(r"[^\w.-]+", "_", bare.replace("/", "_"), flags=re.ASCII).strip("._")
    if safe == bare.replace("/", "_") and len(safe) <= 120:
        return safe
    return f"{safe[:100]}_{hashlib.sha256(bare.encode()).hexdigest()[:8]}".lstrip("_")


def _find_audio(root: Path, name: str) -> Path:
    """Where a table's path leads: itself, or in a usual audio folder, with a usual suffix if it has none."""
    suffixes = ("",) if Path(name).suffix.lower() in AUDIO_SUFFIXES else ("", *AUDIO_SUFFIXES)
    for folder in _AUDIO_FOLDERS:
        for suffix in suffixes:
            path = root / folder / f"{name}{suffix}"
            if path.is_file():
                return path
    return root / name


LAYOUTS: dict[str, Callable[[Path, str], Iterator[Recording]]] = {
    "ljspeech": _ljspeech,
    "commonvoice": _commonvoice,
    "table": _table,
    "bibletts": _beside,
    "folder": _beside,
}
"""Reader of each layout. BibleTTS and plain folders are read alike."""
