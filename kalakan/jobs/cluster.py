"""Synthesizes rows with the processes of a Ray cluster.

Uses plain actors, not a Ray Data pipeline: Ray Data returns results block by block, at its own pace, and repeats whole
blocks. Here the manifest gets the rows of each chunk, about a second of work, as soon as they are done, so that a
killed driver loses only the rows in progress, and a row that kills its worker is found and skipped. It also needs
neither pyarrow nor pandas.
"""

from __future__ import annotations

import os
import platform
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kalakan.errors import ConfigError, DataError, MissingDependencyError, how_to_install
from kalakan.jobs.job import Run
from kalakan.jobs.record import Record, failed
from kalakan.jobs.row import Row
from kalakan.jobs.runner import LocalRunner
from kalakan.jobs.settings import JobSettings, Storage, VoiceSettings
from kalakan.jobs.voices import Voices
from kalakan.storage import real_path

CHUNK_CHARACTERS = 2000
"""Number of characters sent to a worker at once: about a second of work."""
CHUNK_ROWS = 64
AHEAD = 2
"""Number of chunks per worker: one in progress and one waiting."""
MOST_DEATHS = 3
"""Number of workers that a row may crash before it is skipped."""
MOST_STARTS, START_S = 20, 0.5
"""Number of attempts to reach a restarting worker, and the seconds between them."""
_LOCAL_STORE_BYTES = 100 << 20


@dataclass(eq=False)
class Chunk:
    """Rows that are sent to a worker together."""

    rows: list[Row]
    is_suspect: bool = False
    """Whether a worker that had it died: from then on it is sent only to a worker that has nothing else."""
    deaths: int = 0
    """Number of workers that died while they had nothing else."""


class RowWorker:
    """Runs in a process of the cluster: synthesizes rows and writes their files."""

    def __init__(
        self,
        voices: VoiceSettings,
        default: str | None,
        folder: Path,
        storage: Storage,
        prints: Mapping[str, str],
    ) -> None:
        """Loads nothing yet, because a failure in `synthesize` is an error, but a failure here would kill the worker.

        `prints` are the driver's fingerprints of the voices; `folder` is the output folder.
        """
        self._voices, self._default = voices, default
        self._folder, self._storage = folder, storage
        self._prints = prints
        self._runner: LocalRunner | None = None

    def ready(self) -> None:
        """Returns as soon as this worker's process exists."""

    def synthesize(self, rows: Sequence[Row]) -> list[Record]:
        """The records of rows whose files are written; errors as for `LocalRunner.run`.

        Raises `DataError` on a machine that has no access to the output folder, or has other voices or another version
        of Kalakan.
        """
        if self._runner is None:
            self._runner = self._started()
        return list(self._runner.run(rows))

    def _started(self) -> LocalRunner:
        host = platform.node()
        if not self._folder.is_dir():
            raise DataError(
                f"{host} does not see {self._folder}; give an output folder that all machines of the cluster share"
            )
        voices = Voices(self._voices, self._default)
        for voice, expected in self._prints.items():
            if voices.fingerprint(voice or None) != expected:
                name = f"voice {voice}" if voice else "the default voice"
                raise DataError(
                    f"{host} has another version of {name} or of Kalakan; install the same on all machines"
                )
        return LocalRunner(voices, self._folder, self._storage, 1)


def ray_runner(settings: JobSettings, address: str | None) -> Run:
    """A `run` argument for `run_job` that uses the Ray cluster at `address`; None starts a cluster on this machine.

    Raises `MissingDependencyError` without Ray; running raises `ConfigError` if there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray sends usage statistics
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"a cluster needs ray; {how_to_install('ray')}") from error

    cluster: Any = ray  # its functions are only partly typed

    def run(rows: Sequence[Row], voices: Voices, folder: Path) -> Generator[Record, None, None]:
        if not rows:
            return
        _connect(cluster, settings.workers, address)
        try:
            here = replace(settings.voices, folder=str(Path.cwd()))
            worker = cluster.remote(num_cpus=1, max_restarts=-1)(RowWorker)
            arguments = (here, settings.voice, real_path(folder), settings.storage, voices.fingerprints(rows))
            count = settings.workers or max(1, int(cluster.cluster_resources().get("CPU", 1)))
            pool = _Pool(cluster, [worker.remote(*arguments) for _ in range(count)], rows)
            for row, record, deaths in pool.results():
                if record is None:
                    error = f"the worker died {deaths} times while it synthesized this row"
                    record = failed(row, voices.speaker(row), voices.key(row, settings.storage), error)
                yield record
        finally:
            cluster.shutdown()

    return run


def chunked(rows: Iterable[Row]) -> Iterator[Chunk]:
    """Rows in chunks of about equal work."""
    chunk, characters = list[Row](), 0
    for row in rows:
        chunk.append(row)
        characters += len(row.text)
        if characters >= CHUNK_CHARACTERS or len(chunk) >= CHUNK_ROWS:
            yield Chunk(chunk)
            chunk, characters = [], 0
    if chunk:
        yield Chunk(chunk)


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address is None:
            ray.init(
                "local",
                num_cpus=workers,
                include_dashboard=False,
                object_store_memory=_LOCAL_STORE_BYTES,
                **quiet,
            )
        else:
            ray.init(address, **quiet)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"there is no Ray cluster at {address or 'this machine'} ({reason}); start one with ray start --head, and "
            "where it asks for a token set RAY_AUTH_MODE=token"
        ) from error


class _Pool:
    """Sends chunks to workers, and to other workers when one dies."""

    def __init__(self, ray: Any, workers: Iterable[Any], rows: Iterable[Row]) -> None:
        self._ray = ray
        self._chunks = chunked(rows)
        self._again: deque[Chunk] = deque()
        self._waits: dict[Any, tuple[Any, Chunk | None]] = {}
        """Worker and chunk of everything in progress, oldest first; no chunk for a worker that is starting."""
        self._failures: Counter[Any] = Counter()
        for worker in workers:
            self._waits[worker.ready.remote()] = (worker, None)

    def results(self) -> Iterator[tuple[Row, Record | None, int]]:
        """Each row and its record (None for a row that crashed too many workers), and the number of crashed workers.

        Raises the errors of workers, and `ConfigError` if none can start.
        """
        while self._waits:
            (reference, *_), _ = self._ray.wait(list(self._waits), num_returns=1)
            worker, chunk = self._waits[reference]
            try:
                records = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except self._ray.exceptions.RayError as error:  # a process, a machine or the network is gone
                if chunk is None:
                    del self._waits[reference]
                    self._start_again(worker, error)
                else:
                    yield from self._bury(worker)
                continue
            del self._waits[reference]
            self._failures[worker] = 0
            if chunk is not None:
                rows = {row.name: row for row in chunk.rows}
                yield from ((rows[record.id], record, 0) for record in records)
            if not self._feed(worker) and all(waiting is None for _, waiting in self._waits.values()):
                return

    def _feed(self, worker: Any) -> bool:
        """Sends a worker as many chunks as it has room for; False if no chunk is left."""
        has = [chunk for owner, chunk in self._waits.values() if owner is worker]
        while len(has) < AHEAD and not any(chunk is None or chunk.is_suspect for chunk in has):
            if self._again and self._again[0].is_suspect and has:
                break
            chunk = self._again.popleft() if self._again else next(self._chunks, None)
            if chunk is None:
                return False
            self._waits[worker.synthesize.remote(chunk.rows)] = (worker, chunk)
            has.append(chunk)
        return True

    def _bury(self, worker: Any) -> Iterator[tuple[Row, None, int]]:
        """Handles the death of a worker: its chunks go to others.

        If it had several, it is unknown which one it was processing, because the result of the oldest may have been
        lost with it. So a death counts only against a chunk that the worker had alone.
        """
        lost = [key for key, (owner, _) in self._waits.items() if owner is worker]
        chunks = [waiting for key in lost if (waiting := self._waits.pop(key)[1]) is not None]
        chunk = chunks[0]
        chunk.deaths += len(chunks) == 1
        if chunk.deaths >= MOST_DEATHS and len(chunk.rows) == 1:
            yield chunk.rows[0], None, chunk.deaths
        elif chunk.deaths >= 2 and len(chunk.rows) > 1:  # to find the faulty row, if there is one
            self._again.extend(Chunk([row], is_suspect=True) for row in chunk.rows)
        else:
            for waiting in chunks:
                waiting.is_suspect = True
            self._again.extend(chunks)
        self._waits[worker.ready.remote()] = (worker, None)

    def _start_again(self, worker: Any, error: Exception) -> None:
        """Ray restarts dead workers itself; workers that never come back are given up."""
        self._failures[worker] += 1
        if self._failures[worker] < MOST_STARTS:
            time.sleep(START_S)
            self._waits[worker.ready.remote()] = (worker, None)
        elif not self._waits:
            raise ConfigError(f"no worker of the cluster can start: {str(error).strip().splitlines()[-1]}")
