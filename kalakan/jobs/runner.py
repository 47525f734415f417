"""Synthesizes rows with the threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from kalakan.errors import KalakanError
from kalakan.jobs.record import Record, failed
from kalakan.jobs.row import Row
from kalakan.jobs.settings import Storage
from kalakan.jobs.voices import Voices
from kalakan.jobs.writer import RowWriter
from kalakan.synthesis.parallel import ParallelSynthesizer
from kalakan.synthesis.threads import thread_budget

AHEAD = 4
"""Rows in progress per worker: enough that no worker waits, few enough that a stopped job loses little."""


class LocalRunner:
    """Synthesizes rows with one `ParallelSynthesizer` per voice, and writes their files."""

    def __init__(self, voices: Voices, folder: Path, storage: Storage, workers: int | None) -> None:
        """`folder` receives the files; `workers` is a number of threads, None for the thread budget."""
        self._voices = voices
        self._storage = storage
        self._writer = RowWriter(folder, storage)
        self._workers = workers or thread_budget()
        self._parallel: dict[str | None, ParallelSynthesizer] = {}

    def run(self, rows: Iterable[Row]) -> Generator[Record, None, None]:
        """The record of each row as it finishes. A row that cannot be synthesized has an error in its record.

        Raises `OSError` for a file that cannot be written, once the rows in progress have ended.
        """
        waiting: deque[Future[Record]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="kalakan-row")
        try:
            for row in rows:
                waiting.append(pool.submit(self._finish, row, self._begin(row)))
                if len(waiting) >= AHEAD * self._workers:
                    yield from _done(waiting)
            while waiting:
                yield from _done(waiting)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Stops the workers."""
        for parallel in self._parallel.values():
            parallel.close(wait=False)

    def _begin(self, row: Row) -> Callable[[], Any] | KalakanError:
        """Starts the synthesis of a row; returns a function that waits for its audio or speech, or the row's error."""
        if row.fault is not None:
            return KalakanError(row.fault)
        try:
            synthesizer = self._voices.get(row.voice)
            if self._storage.timing or self._storage.recognizer is not None:
                return lambda: synthesizer.speak(row.text, row.options)
            if row.voice not in self._parallel:
                self._parallel[row.voice] = ParallelSynthesizer(
                    synthesizer=synthesizer, workers=self._workers
                )
            return self._parallel[row.voice].submit(row.text, row.options).result
        except KalakanError as error:
            return error

    def _finish(self, row: Row, begun: Callable[[], Any] | KalakanError) -> Record:
        key, speaker = self._voices.key(row, self._storage), self._voices.speaker(row)
        if isinstance(begun, KalakanError):
            return failed(row, speaker, key, str(begun))
        try:
            speech = begun()
        except KalakanError as error:
            return failed(row, speaker, key, str(error))
        except Exception as error:  # an error of a model affects only this row
            return failed(row, speaker, key, f"{type(error).__name__}: {error}")
        try:
            rate = self._voices.get(row.voice).sample_rate
            return self._writer.write(row, speech, rate, speaker, key)
        except KalakanError as error:
            return failed(row, speaker, key, str(error))


def _done(waiting: deque[Future[Record]]) -> Iterator[Record]:
    """Waits for a row, and returns all finished rows."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in list(waiting):
        if future in done:
            waiting.remove(future)
            yield future.result()
