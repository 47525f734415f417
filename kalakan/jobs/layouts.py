"""Layouts of a job's files: one folder, LJSpeech, or WebDataset shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from kalakan.errors import DataError
from kalakan.jobs.measure import visible_text
from kalakan.jobs.record import Record
from kalakan.jobs.row import Row
from kalakan.jobs.writer import TIMING_SUFFIX, is_whole
from kalakan.storage import replacing

Find = Callable[[str], Record | None]
"""Returns the record of a row by its name."""


class FilesLayout:
    """All files in the output folder."""

    folder_name = ""
    """Subfolder of the output folder into which rows are written."""

    def __init__(self, output: Path, rows: Sequence[Row]) -> None:
        """Raises `DataError` for rows that the layout cannot hold."""
        self.output = output
        self.folder = output / self.folder_name
        self.check(rows)

    def check(self, rows: Sequence[Row]) -> None:
        """Raises `DataError` for rows that the layout cannot hold."""

    def placed(self, row: Row) -> Row:
        """The row with its location."""
        return replace(row, location=str(Path(self.folder_name, row.file).as_posix()))

    def is_done(self, row: Row, record: Record) -> bool:
        """Whether the files of a record exist and are complete."""
        return self._is_there(row, record)

    def begin(self, todo: Iterable[Row], find: Find) -> None:
        """Called with the unfinished rows, before the first of them."""

    def add(self, record: Record, find: Find) -> None:
        """Called when a row is done."""

    def remove(self, record: Record) -> None:
        """Removes the files of a row that is no longer in the corpus."""
        if record.file is not None:
            (self.folder / Path(record.file).name).unlink(missing_ok=True)
            (self.folder / f"{record.id}{TIMING_SUFFIX}").unlink(missing_ok=True)

    def finish(self, records: Iterable[Record]) -> None:
        """Writes the files that describe all rows; called when all are done."""

    def _is_there(self, row: Row, record: Record) -> bool:
        if not is_whole(self.folder / row.file, record.sha256):
            return False
        timing = self.folder / f"{row.name}{TIMING_SUFFIX}"
        return record.timing_sha256 is None or is_whole(timing, record.timing_sha256)


class LJSpeechLayout(FilesLayout):
    """`wavs/ID.wav` and `metadata.csv`, lines of ID|text|text without markup, as in the LJ Speech data set."""

    folder_name = "wavs"

    def check(self, rows: Sequence[Row]) -> None:
        """See `FilesLayout`."""
        for row in rows:
            if row.format != "wav":
                raise DataError(f"{row.place}: format is {row.format}; the layout ljspeech holds wav")
            if "|" in row.text or "|" in row.name:
                raise DataError(f"{row.place}: holds |, which ends a field of LJSpeech; write another sign")
        speakers = sorted({str((row.voice, row.options.speaker)) for row in rows})
        if len(speakers) > 1:
            raise DataError(
                f"the rows name {len(speakers)} speakers and voices, and LJSpeech has one; synthesize each by itself, "
                "or choose the layout webdataset"
            )

    def finish(self, records: Iterable[Record]) -> None:
        """See `FilesLayout`."""
        with replacing(self.output / "metadata.csv") as partial, partial.open("wb") as file:
            for record in records:
                if record.error is None:
                    text = " ".join(record.text.split())
                    file.write(f"{record.id}|{text}|{visible_text(text)}\n".encode())
