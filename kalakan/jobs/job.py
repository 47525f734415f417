"""Runs a corpus job from its settings to its last file."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kalakan.errors import AudioError, DataError
from kalakan.jobs.corpus import read_corpus
from kalakan.jobs.join import check_join, join
from kalakan.jobs.layouts import FilesLayout, LJSpeechLayout
from kalakan.jobs.manifest import NAME as MANIFEST
from kalakan.jobs.manifest import Manifest
from kalakan.jobs.measure import oddities
from kalakan.jobs.record import Record
from kalakan.jobs.row import Defaults, Row
from kalakan.jobs.runner import LocalRunner
from kalakan.jobs.settings import JobSettings
from kalakan.jobs.shards import ShardsLayout
from kalakan.jobs.state import NAME as STATE
from kalakan.jobs.state import State, state_of
from kalakan.jobs.voices import Voices
from kalakan.storage import lock_file, way_out

LOCK = ".kalakan-job.lock"
MOST_ODD = 1000
"""Maximum number of suspicious rows that are listed."""


@dataclass
class Status:
    """Progress of a job."""

    rows: int
    """Number of rows in the corpus."""
    characters: int
    """Number of characters in the rows to be done at the start."""
    kept: int = 0
    """Number of rows done in earlier runs."""
    done: int = 0
    """Number of rows done in this run, including failed ones."""
    done_characters: int = 0
    """Number of characters in these rows."""
    failed: int = 0
    """Number of rows that could not be synthesized."""
    seconds: float = 0.0
    """Duration of the audio synthesized in this run."""
    wall_s: float = 0.0
    """Time since the start of the first row."""
    first_errors: list[tuple[Row, str]] = field(default_factory=list)
    """Failed rows, up to `MOST_ODD`."""
    odd: list[tuple[Row, list[str]]] = field(default_factory=list)
    """Rows with implausible audio, and the reasons, up to `MOST_ODD`; includes rows of earlier runs."""

    @property
    def rtf(self) -> float | None:
        """Real-time factor; None before the first row."""
        return self.wall_s / self.seconds if self.seconds else None

    @property
    def remaining_s(self) -> float | None:
        """Estimated remaining time, based on characters; None before the first row."""
        if not self.done_characters:
            return None
        return self.wall_s * (self.characters - self.done_characters) / self.done_characters


Run = Callable[[Sequence[Row], Voices, Path], Generator[Record, None, None]]
"""Synthesizes rows with the voices of a job into a folder, and gives their records as they finish."""


def run_job(
    settings: JobSettings,
    *,
    run: Run | None = None,
    progress: Callable[[Status], None] | None = None,
) -> Status:
    """Synthesizes the unfinished rows of a corpus, and returns the results.

    Each row is written completely to its own file; `manifest.jsonl` in the output folder has a line for each row. The
    same call resumes an interrupted job: rows with a complete file for the same text, settings and voice are kept.
    `run` synthesizes rows outside of this process; `progress` is called after each row.

    Raises `DataError` for a corpus that cannot be read, for the output folder of another job, and while another process
    uses it; `AudioError` for an unwritable folder; and the errors of `Synthesizer` for the voice.
    """
    defaults = Defaults(settings.options, settings.voice, settings.format)
    rows = read_corpus(settings.corpus, defaults)
    with _naming_output(settings.output), _locked(settings.output):
        layout = _layout(settings, rows)
        rows = [layout.placed(row) for row in rows]
        check_join(settings, rows)
        layout.folder.mkdir(exist_ok=True)
        voices = Voices(settings.voices, settings.voice)
        now = state_of(settings, rows, voices.fingerprints(rows))
        _accept(settings, now, layout, rows)
        manifest = Manifest(settings.output)
        try:
            status = _worked(settings, layout, rows, voices, manifest, run, progress)
            manifest.settle(row.name for row in rows)
            layout.finish(_records(manifest, rows))
            if settings.join is not None:
                join(settings, _records(manifest, rows))
        finally:
            manifest.close()
    return status


def _worked(
    settings: JobSettings,
    layout: FilesLayout,
    rows: Sequence[Row],
    voices: Voices,
    manifest: Manifest,
    run: Run | None,
    progress: Callable[[Status], None] | None,
) -> Status:
    """Processes the unfinished rows."""
    by_name = {row.name: row for row in rows}
    for name in manifest.names():
        gone = manifest.get(name) if name not in by_name else None
        if gone is not None:
            layout.remove(gone)
    status, todo = Status(len(rows), 0), []
    for row in rows:
        record = manifest.get(row.name)
        if record is not None and _is_done(record, row, voices, settings, layout):
            moved = replace(record, n=row.number, chapter=row.chapter, voice=row.voice, file=row.location)
            if moved != record:
                manifest.append(moved)
            status.kept += 1
            _judge(status, row, record)
        else:
            if record is not None and record.file not in (None, row.location):
                layout.remove(record)
            todo.append(row)
            status.characters += len(row.text)
    layout.begin(todo, manifest.get)
    started = time.monotonic()
    local = LocalRunner(voices, layout.folder, settings.storage, settings.workers)
    records = local.run(todo) if run is None else run(todo, voices, layout.folder)
    try:
        for record in records:
            row, before = by_name[record.id], manifest.get(record.id)
            if record.error is not None and before is not None:
                layout.remove(before)  # audio of a text that no longer exists
            manifest.append(record)
            layout.add(record, manifest.get)
            status.done += 1
            status.done_characters += len(row.text)
            status.wall_s = time.monotonic() - started
            _judge(status, row, record)
            status.seconds += record.measured.seconds if record.measured else 0.0
            if progress is not None:
                progress(status)
    finally:
        local.close()
        records.close()
        manifest.sync()
    return status


def _is_done(record: Record, row: Row, voices: Voices, settings: JobSettings, layout: FilesLayout) -> bool:
    """Whether a row is finished. Failed rows are retried, because their voice may exist now."""
    return (
        record.error is None
        and record.key == voices.key(row, settings.storage)
        and layout.is_done(row, record)
    )


def _judge(status: Status, row: Row, record: Record) -> None:
    if record.error is not None:
        status.failed += 1
        if len(status.first_errors) < MOST_ODD:
            status.first_errors.append((row, record.error))
    elif record.measured is not None and len(status.odd) < MOST_ODD:
        odd = oddities(record.measured, row.options.speed)
        if odd:
            status.odd.append((row, odd))


def _layout(settings: JobSettings, rows: Sequence[Row]) -> FilesLayout:
    if settings.layout == "webdataset":
        return ShardsLayout(settings.output, rows, settings.shard_rows)
    return (LJSpeechLayout if settings.layout == "ljspeech" else FilesLayout)(settings.output, rows)


def _accept(settings: JobSettings, now: State, layout: FilesLayout, rows: Sequence[Row]) -> None:
    """Raises `DataError` if the output folder contains something else; records the current state of the job."""
    before = State.read(settings.output)
    if before is None:
        _check_free(settings.output, layout, rows)
    elif before.layout != now.layout:
        raise DataError(
            f"{settings.output} holds a job in another layout ({_shown(before)}, not {_shown(now)}); choose another "
            "output folder"
        )
    else:
        found = before.differences(now)
        if found and not settings.redo_changed:
            raise DataError(
                f"{settings.output} holds a job that began otherwise: {'; '.join(found)}. --redo-changed does the rows "
                "again that this changes; or choose another output folder"
            )
    if before != now:
        now.write(settings.output)


def _shown(state: State) -> str:
    rows = state.layout.get("shard_rows")
    return f"{state.layout.get('layout')}{f' of {rows} rows' if rows else ''}"


def _check_free(output: Path, layout: FilesLayout, rows: Sequence[Row]) -> None:
    """Raises `DataError` if files that are not the job's would be overwritten."""
    there = {path.name for folder in {output, layout.folder} if folder.is_dir() for path in folder.iterdir()}
    wanted = {MANIFEST, STATE, *(row.file for row in rows)}
    if there & wanted:
        raise DataError(
            f"{output} holds {min(there & wanted)} and no job; choose an empty folder, or another one"
        )


def _records(manifest: Manifest, rows: Sequence[Row]) -> Iterable[Record]:
    for row in rows:
        record = manifest.get(row.name)
        if record is not None:
            yield record


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Creates the output folder and locks it against other jobs."""
    output.mkdir(parents=True, exist_ok=True)
    lock = lock_file(output / LOCK)
    if lock is None:
        raise DataError(f"{output}: another job works there; wait for it, or choose another output folder")
    with lock:
        yield


@contextmanager
def _naming_output(output: Path) -> Iterator[None]:
    """Turns an `OSError` into an `AudioError` with advice."""
    try:
        yield
    except OSError as error:
        where = error.filename or output
        raise AudioError(
            f"cannot write {where}: {error.strerror or error}; {way_out(error)}; the same command then goes on"
        ) from error
