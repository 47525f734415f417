"""Reads a corpus: lines of text, tables, JSON lines, and documents."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kalakan.data.manifest import json_object
from kalakan.data.preparation.tables import read_table
from kalakan.data.text_files import read_text, split_lines
from kalakan.errors import DataError, KalakanWarning
from kalakan.jobs.documents import read_docx, read_epub, read_pdf
from kalakan.jobs.names import check_names
from kalakan.jobs.row import COLUMNS, Defaults, Row, row_of

Cells = tuple[int, Mapping[str, Any], str | None]
"""Line of a row (0 if the corpus has no lines), its fields by column, and the reason why it cannot be used, if any."""


def read_corpus(path: Path, defaults: Defaults) -> list[Row]:
    """The rows of a corpus in order; its suffix determines the format.

    .txt has a text on each line; .csv and .tsv a header with a column `text`; .jsonl an object on each line; .epub,
    .docx and .pdf paragraphs, under their headings as chapters. Unknown columns are named in a warning. Raises
    `DataError` for a corpus that is missing, empty, in another format or without texts, and for ids that clash or are
    not valid file names.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is no corpus that can be read; give {', '.join(READERS)}")
    if not path.is_file():
        raise DataError(f"{path} is not a file; give a corpus: {', '.join(READERS)}")
    found = list(reader(path))
    _warn_of_unknown({name for _, cells, _ in found for name in cells} - COLUMNS, path)
    rows = [
        row_of(number, cells, defaults, fault, line)
        for number, (line, cells, fault) in enumerate(found, start=1)
    ]
    if not rows:
        raise DataError(f"{path}: holds no text")
    check_names(((row.place, row.name) for row in rows), str(path))
    return rows


def _read_lines(path: Path) -> Iterator[Cells]:
    for number, line in enumerate(split_lines(read_text(path)), start=1):
        if line.strip():
            yield number, {"text": line}, None


def _read_table(path: Path) -> Iterator[Cells]:
    table = read_table(path)
    if "text" not in table.columns:
        raise DataError(
            f"{path}: has no column 'text' in its first line; its columns are {', '.join(table.columns[:8])}"
        )
    width = len(table.columns)
    for number, fields in table.rows:
        extra = any(field.strip() for field in fields[width:])
        fault = f"has {len(fields)} fields; the header has {width}" if extra else None
        yield number, dict(zip(table.columns, fields, strict=False)), fault


def _read_json_lines(path: Path) -> Iterator[Cells]:
    for number, line in enumerate(split_lines(read_text(path)), start=1):
        if line.strip():
            record = json_object(path, number, line)
            yield number, {str(key).lower(): value for key, value in record.items()}, None


def _read_document(read: Callable[[Path], Iterator[tuple[str, str]]]) -> Callable[[Path], Iterator[Cells]]:
    def cells(path: Path) -> Iterator[Cells]:
        for chapter, text in read(path):
            yield 0, {"chapter": chapter, "text": text}, None

    return cells


def _warn_of_unknown(names: set[str], path: Path) -> None:
    if names:
        shown = ", ".join(sorted(names)[:8])
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        warnings.warn(f"{path}: columns that are not used: {shown}{more}", KalakanWarning, stacklevel=3)


READERS: dict[str, Callable[[Path], Iterator[Cells]]] = {
    ".txt": _read_lines,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".jsonl": _read_json_lines,
    ".epub": _read_document(read_epub),
    ".docx": _read_document(read_docx),
    ".pdf": _read_document(read_pdf),
}
"""The reader of each suffix."""
