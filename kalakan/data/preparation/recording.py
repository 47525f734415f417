"""`Recording`: one item of a source folder, and `Source`: the contents of such a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    """Key of `kalakan.data.preparation.layouts.LAYOUTS`."""
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
    left_tables: tuple[str, ...] = ()
    """Tables that were not read, each with the reason."""
