"""The corpus folder that `prepare` writes: locked by one process, protected from overwriting, with atomic manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from kalakan.data.labels import LABELS
from kalakan.data.manifest import read_records
from kalakan.data.preparation.derived import forget_recording
from kalakan.data.preparation.items import Item
from kalakan.errors import DataError
from kalakan.storage import lock_file, replacing, way_out

_PARTIAL = ("audio/.*.partial", "items/.*.partial", ".*.partial")


class Output:
    """A corpus folder while it is written. Raises `DataError` if it must not be written to:

    a file, a folder with other contents, a corpus that would lose most of its recordings, or a folder that another
    process is writing to.
    """

    def __init__(self, folder: Path, ids: Set[str]) -> None:
        self.folder = folder
        self.ids = ids
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Output:
        self._check_contents()
        try:
            for name in ("audio", "items"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = lock_file(self.folder / "items" / ".lock")
        except OSError as error:
            raise DataError(
                f"{self.folder}: cannot be written ({error.strerror}); {way_out(error)}"
            ) from error
        if self._lock is None:
            raise DataError(f"{self.folder}: another process prepares it now; wait for it, or choose another")
        for pattern in _PARTIAL:
            for path in self.folder.glob(pattern):  # from a killed run: no other process writes here now
                path.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def finish(self, kept: Sequence[Item], splits: Mapping[str, str]) -> None:
        """Writes `meta.jsonl`, with the durations that are still valid, and removes files of deleted recordings."""
        labels = self._labels()
        for name in self._known() - self.ids:
            forget_recording(self.folder, name)
        with (
            replacing(self.folder / "meta.jsonl") as partial,
            partial.open("w", encoding="utf-8", newline="\n") as file,
        ):
            for item in kept:
                line = _line(item, splits[item.id])
                line |= labels.get((item.id, item.units, item.samples), {})
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _check_contents(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(f"{self.folder}: is a file; give a folder")
        if not self.folder.is_dir() or not any(self.folder.iterdir()):
            return
        if not (self.folder / "items").is_dir():
            raise DataError(
                f"{self.folder}: holds files that are no corpus of prepare; choose an empty folder"
            )
        known = self._known()
        gone = known - self.ids
        if 2 * len(gone) > len(known):
            raise DataError(
                f"{self.folder}: holds a corpus of which {len(gone)} of {len(known)} recordings would be removed, such "
                f"as {min(gone)}; choose another folder, or remove this one first"
            )

    def _known(self) -> set[str]:
        return {path.stem for path in self.folder.glob("items/*.json")}

    def _labels(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Durations of an earlier manifest, by id, units and samples; empty if it is damaged."""
        path = self.folder / "meta.jsonl"
        try:
            records = [record for _, record in read_records(path)] if path.is_file() else []
            return {
                (record["id"], tuple(record["units"]), record["samples"]): {
                    key: record[key] for key in LABELS if key in record
                }
                for record in records
            }
        except (DataError, UnicodeDecodeError, KeyError, TypeError):
            return {}


def _line(item: Item, split: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "speaker": item.speaker,
        "text": item.text,
        "split": split,
        "audio": f"audio/{item.id}.flac",
        "units": item.units,
        "samples": item.samples,
    }
