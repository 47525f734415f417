"""Reads the manifest of a dataset folder: one `Utterance` per recording."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kalakan.data.manifest_line import check_keys, utterance_of
from kalakan.data.utterance import F0_SAMPLES, LABEL_SAMPLES, SPLITS, Utterance
from kalakan.errors import DataError

__all__ = [
    "F0_SAMPLES",
    "LABEL_SAMPLES",
    "SPLITS",
    "Split",
    "Utterance",
    "in_split",
    "json_object",
    "read_manifest",
    "read_records",
]

Split = str
"""One of `SPLITS`, or "all"."""


def read_manifest(folder: str | Path, left_out: dict[str, str] | None = None) -> list[Utterance]:
    """All utterances of a dataset folder with `meta.jsonl` and its recordings, in file order.

    Each line is an object with id, speaker, text, units and samples; `frames` and `lead` (durations), `tones`, `f0`,
    `label_samples`, `split` and `audio` (a path in the folder; default `audio/<id>.ogg`, .flac or .wav) are optional.
    Raises `DataError` for a missing or empty folder, a line that is not a JSON object, and a missing key; and for a
    damaged record: a value of the wrong type, an unknown unit, labels of different lengths or longer than the
    recording, a duplicate id, or a missing recording. With `left_out` such a record is skipped instead, and the reason
    is stored there, by line.
    """
    folder = Path(folder)
    path = folder / "meta.jsonl"
    if not path.is_file():
        raise DataError(
            f"{folder}: holds no meta.jsonl; give a corpus folder, as `kalakan prepare` makes one"
        )
    utterances: dict[str, Utterance] = {}
    damaged: dict[str, str] = {}
    for number, record in read_records(path):
        place = f"{path}:{number}"
        check_keys(record, place)
        try:
            utterance = utterance_of(record, folder, place)
            if utterance.id in utterances:
                raise DataError(f"{place}: id {utterance.id!r} stands there twice")
        except DataError as error:
            if left_out is None:
                raise
            damaged[place] = str(error)
            continue
        utterances[utterance.id] = utterance
    if not utterances:
        reason = f" that can be used; the first: {next(iter(damaged.values()))}" if damaged else ""
        raise DataError(f"{path}: holds no utterance{reason}")
    if left_out is not None:
        left_out |= damaged
    return list(utterances.values())


def in_split(utterances: Sequence[Utterance], split: Split) -> list[Utterance]:
    """The utterances of a split, or all of them for "all".

    A corpus without a validation split (its manifest names no splits) is validated on its test split.
    """
    if split not in (*SPLITS, "all"):
        raise DataError(f"split is {split!r}; choose {', '.join(map(repr, SPLITS))} or 'all'")
    if split == "validation" and not any(item.split == "validation" for item in utterances):
        split = "test"
    return [item for item in utterances if split in ("all", item.split)]


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a manifest."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, json_object(path, number, line)


def json_object(path: Path, number: int, line: str | bytes) -> dict[str, Any]:
    """The object that a line of JSON lines holds; raises `DataError`, with the line's number, for anything else."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}:{number}: is not valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise DataError(f"{path}:{number}: holds {type(record).__name__}; it must be a JSON object")
    return record
