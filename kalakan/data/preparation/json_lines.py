"""Manifests with one JSON object per recording: NeMo, Piper, Hugging Face audiofolder; and WebDataset's sidecars."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kalakan.data.preparation.beside import NO_NAME
from kalakan.data.preparation.names import safe_id, speaker_name
from kalakan.data.preparation.recording import Recording
from kalakan.data.preparation.source_files import SourceFiles, folded
from kalakan.data.preparation.tables import SPEAKER_COLUMNS, TEXT_COLUMNS, Table
from kalakan.data.text_files import read_text, split_lines
from kalakan.errors import DataError

_SUFFIXES = (".jsonl", ".ndjson", ".json")


def json_tables(files: SourceFiles) -> list[Table]:
    """The manifests in a folder and in those below it: files of JSON objects with an audio path and a text.

    NeMo's `manifest.json` (`audio_filepath`, `text`), Piper's `dataset.jsonl` (`audio_path`, `text`) and Hugging
    Face's `metadata.jsonl` (`file_name`, `transcription`) in the folder or in one for each split.
    """
    sounds = {(path.parent, folded(path.stem)) for path in files.sounds}
    found = []
    for path in files.others:
        if path.suffix.lower() in _SUFFIXES and (path.parent, folded(path.stem)) not in sounds:
            table = read_json_lines(path)
            if table is not None:
                found.append(table)
    return found


def read_json_lines(path: Path) -> Table | None:
    """The objects of a JSON lines file, or of a JSON list, as a table; None for other files.

    None also for objects without an audio path and a text. Raises `DataError` if a line after the first one is not a
    JSON object.
    """
    try:
        text = read_text(path)
    except DataError:
        return None
    try:
        records = _records(text)
    except ValueError:
        return None
    if not records or not isinstance(records[0][1], dict):
        return None
    first = _table(path, records[:1])
    if first.missing():
        return None
    for number, record in records:
        if not isinstance(record, dict):
            kind = "no valid JSON" if record is None else type(record).__name__
            raise DataError(f"{path}:{number}: holds {kind}; it must be a JSON object")
    return _table(path, records)


def _records(text: str) -> list[tuple[int, Any]]:
    """The values of JSON lines or of one JSON list by line number; None for a later line that is not valid.

    Raises `ValueError` if the first line, or the list, is not valid JSON.
    """
    if text.lstrip().startswith("["):
        return list(enumerate(json.loads(text), 1))
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(split_lines(text), 1):
        if line.strip():
            try:
                records.append((number, json.loads(line)))
            except ValueError:
                if not records:
                    raise
                records.append((number, None))
    return records


def _table(path: Path, records: list[tuple[int, dict[str, Any]]]) -> Table:
    columns = list(dict.fromkeys(key.lower() for _, record in records for key in record))
    rows = []
    for number, record in records:
        values = {key.lower(): _text(value) for key, value in record.items()}
        rows.append((number, tuple(values.get(column, "") for column in columns)))
    return Table(path, tuple(columns), tuple(rows), "")


def _text(value: Any) -> str:
    """A field as text; of an object with a path, as `datasets` writes audio, that path."""
    if isinstance(value, dict):
        return _text(value.get("path", ""))
    return "" if value is None or isinstance(value, list) else str(value)


def sidecars(files: SourceFiles) -> dict[Path, Path]:
    """The .json file next to each recording, as in an unpacked WebDataset."""
    beside = {
        (path.parent, folded(path.stem)): path for path in files.others if path.suffix.lower() == ".json"
    }
    found = {sound: beside.get((sound.parent, folded(sound.stem))) for sound in files.sounds}
    return {sound: path for sound, path in found.items() if path is not None}


def recordings_with_sidecars(files: SourceFiles) -> Iterator[Recording]:
    """Recordings with a .json file of the same stem, which has the text and perhaps the speaker."""
    for sound, path in sidecars(files).items():
        text, speaker, fault = "", "", None
        try:
            record = json.loads(read_text(path))
            values = {key.lower(): _text(value) for key, value in record.items()}
            text = next((values[name] for name in TEXT_COLUMNS if values.get(name)), "")
            speaker = next((values[name] for name in SPEAKER_COLUMNS if values.get(name)), "")
        except (DataError, ValueError, AttributeError) as error:
            fault = f"{path.name}: is not a JSON object ({error})"
        inside = files.inside(sound)
        yield Recording(
            safe_id(inside), speaker_name(speaker) if speaker else NO_NAME, sound, text, None, fault
        )
