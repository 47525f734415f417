"""The manifest of a job: one line per row, appended atomically, and sorted in corpus order at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kalakan.jobs.record import Record
from kalakan.storage import naming, replacing

NAME = "manifest.jsonl"
SYNC_S = 1.0
"""Interval at which lines are flushed to disk; after a power failure, newer rows are done again."""


class Manifest:
    """The lines of a manifest by row name. Only one process may write at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens or creates the manifest of a folder; removes an incomplete last line left by a killed process.

        Raises `OSError`, as all methods do.
        """
        self.path = folder / NAME
        self._open()

    def get(self, name: str) -> Record | None:
        """The last record of a row; None if there is none."""
        place = self._places.get(name)
        return None if place is None else Record.from_line(self._read(*place))

    def names(self) -> list[str]:
        """Names of all rows with a record."""
        return list(self._places)

    def append(self, record: Record) -> None:
        """Adds a record; on a full disk, no part of its line is left."""
        line = record.line()
        with naming(self.path):
            try:
                self._write(line)
            except OSError:
                self._file.truncate(self._end)
                raise
            self._places[record.id] = (self._end, len(line))
            self._end += len(line)
            if time.monotonic() - self._synced >= SYNC_S:
                self.sync()

    def sync(self) -> None:
        """Flushes all lines to disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def settle(self, names: Iterable[str]) -> None:
        """Rewrites the manifest with only the last line of each of `names`, in that order."""
        with replacing(self.path) as partial, partial.open("wb") as file:
            for name in names:
                if name in self._places:
                    file.write(self._read(*self._places[name]))
            file.flush()
            os.fsync(file.fileno())
            self.close()  # Windows cannot replace an open file
        self._open()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _open(self) -> None:
        self.path.touch()
        self._file = self.path.open("r+b", buffering=0)
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._synced = time.monotonic()
        with self.path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    self._note(line)
        self._file.truncate(self._end)

    def _note(self, line: bytes) -> None:
        with suppress(ValueError):  # damaged: its row is done again
            self._places[Record.from_line(line).id] = (self._end, len(line))
        self._end += len(line)

    def _read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)

    def _write(self, line: bytes) -> None:
        self._file.seek(self._end)
        while line:
            line = line[self._file.write(line) :]
