"""The same job on a Ray cluster, here one of two processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray

import kalakan
from corpus_jobs import VOICE, contents, settings_of
from kalakan.errors import ConfigError, DataError
from kalakan.jobs import cluster
from kalakan.jobs.cluster import CHUNK_CHARACTERS, CHUNK_ROWS, chunked, ray_runner
from kalakan.jobs.job import Status, run_job
from kalakan.jobs.record import Record, record_of
from kalakan.jobs.row import Row
from kalakan.synthesis.options import SpeakOptions
from ray_processes import processes_below

TEXTS = ("Maakye!", "Da yie.", "Me din de Kofi.", "Yoo", "Wo ho te sɛn? Ɛyɛ.", "Ɔbaa no resere.")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


def workers_of(process: int) -> list[int]:
    """The Ray workers that descend from a process."""
    return processes_below(process, "ray::RowWorker")


@pytest.fixture
def warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the package where this process does, and not in a checkout without its core, which may be the
    current folder or, by pytest-xdist, on the path; small chunks, so that there are several."""
    own = Path(kalakan.__file__).parents[1]
    others = [path for path in sys.path if path and not (Path(path) / "kalakan").is_dir()]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(own), *others]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "CHUNK_ROWS", 8)


@on_linux
@pytest.mark.ray
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, warm: None) -> None:
    settings = settings_of(tmp_path, "\n".join([*TEXTS * 100, "???"]))
    killed: list[int] = []

    def kill_one(status: Status) -> None:
        if status.done >= 20 and not killed and len(found := workers_of(os.getpid())) == 2:
            killed.append(found[0])
            os.kill(found[0], signal.SIGKILL)

    status = run_job(settings, run=ray_runner(settings, None), progress=kill_one)
    assert killed
    assert (status.done, status.failed) == (601, 1)
    run_job(replace(settings, output=tmp_path / "whole"))
    assert contents(settings.output) == contents(tmp_path / "whole")


@pytest.mark.ray
@pytest.mark.filterwarnings("default")
def test_a_row_that_kills_its_workers_is_left_out(
    tmp_path: Path, warm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mortal(cluster.RowWorker):
        def synthesize(self, rows: Sequence[Row]) -> list[Record]:
            if any(row.text == "Yoo" for row in rows):
                os._exit(1)
            return super().synthesize(rows)

    monkeypatch.setattr(cluster, "RowWorker", Mortal)
    monkeypatch.setattr(cluster, "CHUNK_ROWS", 1)
    monkeypatch.setattr(cluster, "MOST_DEATHS", 2)
    settings = settings_of(tmp_path, "\n".join(TEXTS))
    status = run_job(settings, run=ray_runner(settings, None))
    assert (status.done, status.failed) == (6, 1)
    ((row, error),) = status.first_errors
    assert row.text == "Yoo"
    assert error == "the worker died 2 times while it synthesized this row"
    assert run_job(settings).failed == 0  # without the cluster it can be done


class Dead(Exception):
    """The worker of a call is gone."""


class TaskError(Exception):
    """A call has raised."""


class FakeRay:
    """Ray with workers that do one call after the other when they are waited for."""

    class exceptions:
        RayError, RayTaskError = Dead, TaskError

    def wait(self, references: list[Call], num_returns: int) -> tuple[list[Call], list[Call]]:
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Call) -> Any:
        return reference.result()


class Call:
    """A call of a worker, made when its result is asked for."""

    def __init__(self, worker: FakeWorker, rows: Sequence[Row] | None) -> None:
        self.worker, self.rows, self.life = worker, rows, worker.life
        worker.calls.append(self)

    @property
    def is_deadly(self) -> bool:
        return any(row.text == "dies" for row in self.rows or ())

    def result(self) -> Any:
        if self.worker.never_starts or self.life != self.worker.life:
            raise Dead("line 1\nthe actor did not start")
        if self.rows is None:
            return None
        self.worker.calls.remove(self)
        if self.is_deadly or (
            self.worker.loses_answers and any(call.is_deadly for call in self.worker.calls)
        ):
            self.worker.life += 1
            self.worker.calls.clear()
            raise Dead
        return [record_of(row, None, "key") for row in self.rows]


class Method:
    """`method.remote(...)`."""

    def __init__(self, worker: FakeWorker) -> None:
        self._worker = worker

    def remote(self, rows: Sequence[Row] | None = None) -> Call:
        return Call(self._worker, rows)


class FakeWorker:
    """A worker that may die, and then begins another life; with `loses_answers` it takes along what it answered before
    and nobody had got yet."""

    def __init__(self, never_starts: bool = False, loses_answers: bool = False) -> None:
        self.life, self.never_starts, self.loses_answers = 0, never_starts, loses_answers
        self.calls: list[Call] = []
        self.ready = self.synthesize = Method(self)


@pytest.mark.parametrize("loses_answers", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("at", [0, 7, 70, 199])
def test_the_row_at_fault_is_found_and_no_other_is_lost(
    monkeypatch: pytest.MonkeyPatch, workers: int, at: int, loses_answers: bool
) -> None:
    monkeypatch.setattr(cluster, "START_S", 0.0)
    rows = rows_of(["dies" if number == at else "Yoo" for number in range(200)])
    own = [FakeWorker(loses_answers=loses_answers) for _ in range(workers)]
    pool = cluster._Pool(FakeRay(), own, rows)
    found = list(pool.results())
    assert sorted(row.number for row, _, _ in found) == list(range(1, 201))
    assert [(row.text, deaths) for row, record, deaths in found if record is None] == [("dies", 3)]


def test_workers_that_never_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "START_S", 0.0)
    rows = rows_of(["Yoo"] * 100)
    pool = cluster._Pool(FakeRay(), [FakeWorker(never_starts=True), FakeWorker()], rows)
    assert len(list(pool.results())) == 100
    pool = cluster._Pool(FakeRay(), [FakeWorker(never_starts=True)], rows)
    with pytest.raises(ConfigError, match="no worker of the cluster can start: the actor did not start"):
        list(pool.results())


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    with pytest.raises(
        ConfigError, match=r"there is no Ray cluster at nowhere \(.*\); start one with ray start"
    ):
        run_job(settings, run=ray_runner(settings, "nowhere"))
    assert not ray.is_initialized()


def rows_of(texts: Sequence[str]) -> list[Row]:
    return [
        Row(number, f"{number:06}", text, SpeakOptions(), None, "wav", "")
        for number, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize("texts", [["Yoo"] * 1000, ["a" * 1500] * 5, ["a" * 9000, "b"], []])
def test_chunks_hold_every_row_once(texts: list[str]) -> None:
    rows = rows_of(texts)
    chunks = [chunk.rows for chunk in chunked(rows)]
    assert [row for chunk in chunks for row in chunk] == rows
    for chunk in chunks:
        assert len(chunk) <= CHUNK_ROWS
        assert sum(len(row.text) for row in chunk[:-1]) < CHUNK_CHARACTERS


def worker(tmp_path: Path, prints: dict[str, str], folder: Path | None = None) -> cluster.RowWorker:
    settings = settings_of(tmp_path, "Yoo\n")
    return cluster.RowWorker(settings.voices, settings.voice, folder or tmp_path, settings.storage, prints)


def test_a_machine_without_the_folder_or_with_another_voice_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not see .*nowhere; give an output folder that all machines"):
        worker(tmp_path, {}, tmp_path / "nowhere").synthesize(rows_of(["Yoo"]))
    with pytest.raises(DataError, match=r"has another version of voice .*tiny or of Kalakan"):
        worker(tmp_path, {str(VOICE): "0" * 64}).synthesize(rows_of(["Yoo"]))


def never(_: Any) -> Iterator[Any]:
    raise AssertionError("there is nothing to do")


def test_nothing_to_do_starts_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, "Yoo\n")
    run_job(settings)
    monkeypatch.setattr(ray, "init", never)
    assert run_job(settings, run=ray_runner(settings, None)).kept == 1
