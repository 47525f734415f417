"""The WebDataset layout: tar files of many rows, each written when its last row is done."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from kalakan.audio.formats import FORMATS
from kalakan.errors import DataError
from kalakan.jobs.layouts import FilesLayout, Find
from kalakan.jobs.record import Record
from kalakan.jobs.row import Row
from kalakan.jobs.writer import TIMING_SUFFIX
from kalakan.storage import replacing


class ShardsLayout(FilesLayout):
    """`shard-000000.tar` and so on. For each row they contain the audio, `ID.txt`, and the manifest line `ID.json`.

    The shard of a row depends only on its position in the corpus. Until a shard is complete, its rows are in the folder
    `rows`. The bytes of a shard depend only on its rows: it has no owners and no times.
    """

    folder_name = "rows"

    def __init__(self, output: Path, rows: Sequence[Row], shard_rows: int) -> None:
        """`shard_rows` is the number of rows per shard."""
        super().__init__(output, rows)
        self._size = shard_rows
        self._rows = rows
        self._index = {row.name: index for index, row in enumerate(rows)}
        self._left: Counter[int] = Counter()
        self._packed: tuple[int, dict[str, str]] = (-1, {})
        self._is_shorter = False

    def check(self, rows: Sequence[Row]) -> None:
        """See `FilesLayout`."""
        for row in rows:
            if "." in row.name:
                raise DataError(
                    f"{row.place}: id {row.name!r} holds a dot, where WebDataset ends a name; use _"
                )

    def placed(self, row: Row) -> Row:
        """See `FilesLayout`."""
        return replace(row, location=f"{_name(self._shard(row.name))}:{row.file}")

    def is_done(self, row: Row, record: Record) -> bool:
        """See `FilesLayout`."""
        if self._is_there(row, record):
            return True
        members = self._members(self._shard(row.name))
        is_timed = record.timing_sha256 is None or (
            members.get(f"{row.name}{TIMING_SUFFIX}") == record.timing_sha256
        )
        return is_timed and record.sha256 is not None and members.get(row.file) == record.sha256

    def begin(self, todo: Iterable[Row], find: Find) -> None:
        """See `FilesLayout`."""
        self._left = Counter(self._shard(row.name) for row in todo)
        for shard in range(-(-len(self._rows) // self._size)):
            # A process was killed between the last row and its shard, or between the shard and this cleanup.
            if self._left[shard]:
                continue
            if self._is_shorter or any(self._staged(row).exists() for row in self._rows_of(shard)):
                self._pack(shard, find)

    def add(self, record: Record, find: Find) -> None:
        """See `FilesLayout`."""
        shard = self._shard(record.id)
        self._left[shard] -= 1
        if not self._left[shard]:
            self._pack(shard, find)

    def remove(self, record: Record) -> None:
        """See `FilesLayout`. The shards that still contain the row are written again."""
        self._is_shorter = True
        for name in (f"{record.id}.{suffix}" for suffix in FORMATS):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / f"{record.id}{TIMING_SUFFIX}").unlink(missing_ok=True)

    def finish(self, records: Iterable[Record]) -> None:
        """See `FilesLayout`."""
        with suppress(OSError):  # not empty
            self.folder.rmdir()
        kept = {_name(shard) for shard in range(-(-len(self._rows) // self._size))}
        for path in self.output.glob("shard-??????.tar"):
            if path.name not in kept:
                path.unlink()

    def _shard(self, name: str) -> int:
        return self._index[name] // self._size

    def _rows_of(self, shard: int) -> Sequence[Row]:
        return self._rows[shard * self._size : (shard + 1) * self._size]

    def _staged(self, row: Row) -> Path:
        return self.folder / row.file

    def _members(self, shard: int) -> dict[str, str]:
        """Hash of each member of a shard; empty for a missing or incomplete shard."""
        if self._packed[0] != shard:
            contents = _contents(self.output / _name(shard))
            self._packed = (shard, {name: hashlib.sha256(one).hexdigest() for name, one in contents.items()})
        return self._packed[1]

    def _pack(self, shard: int, find: Find) -> None:
        """Writes a shard from the rows in the folder and those in the old shard."""
        path = self.output / _name(shard)
        before = _contents(path)
        with replacing(path) as partial, tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as tar:
            for row in self._rows_of(shard):
                record = find(row.name)
                if record is None or record.error is not None:
                    continue
                names = [row.file, *([f"{row.name}{TIMING_SUFFIX}"] if record.timing_sha256 else [])]
                for name in names:
                    staged = self.folder / name
                    _add(tar, name, staged.read_bytes() if staged.exists() else before[name])
                _add(tar, f"{row.name}.txt", row.text.encode())
                _add(tar, f"{row.name}.json", record.line())
        self._packed = (-1, {})
        for row in self._rows_of(shard):
            self._staged(row).unlink(missing_ok=True)
            (self.folder / f"{row.name}{TIMING_SUFFIX}").unlink(missing_ok=True)


def _name(shard: int) -> str:
    return f"shard-{shard:06}.tar"


def _contents(path: Path) -> dict[str, bytes]:
    """The members of a shard; empty for a missing or incomplete shard."""
    found = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member)
                found[member.name] = file.read() if file is not None else b""
    except (OSError, tarfile.TarError):
        return {}
    return found


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # its time, owner and group are 0
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
