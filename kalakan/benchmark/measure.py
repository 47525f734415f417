"""Measures subjects in turns: each in its own process, one after another, round by round.

Turns are short, so that a temporary slowdown of the machine affects all subjects. CPU time is reported next to
wall-clock time, because other programs disturb it least.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from kalakan.benchmark.figures import latencies, paired_ratio, summary
from kalakan.benchmark.machine import facts, load, today
from kalakan.benchmark.subjects import MOST_SUBJECTS, Subject, names
from kalakan.benchmark.targets import targets
from kalakan.benchmark.texts import MANY, TEXTS, english_of_length
from kalakan.benchmark.worker import Worker
from kalakan.config.rules import require
from kalakan.errors import BenchmarkError

Progress = Callable[[int, int], Any]
"""Called with the number of finished turns and of all turns."""


@dataclass(frozen=True)
class Plan:
    """The amount of measurements."""

    rounds: int = 7
    """Number of measurements of each text by each subject."""
    warmup: int = 2
    """Number of warm-up turns, which do not count."""
    starts: int = 3
    """Number of processes started per subject to measure start-up."""
    texts: dict[str, str] = field(default_factory=lambda: dict(TEXTS))
    """Texts by name."""
    many: tuple[str, ...] = MANY
    """Texts for throughput."""
    batch_sizes: tuple[int, ...] = (1, 8)
    """Batch sizes for throughput; empty: not measured."""
    workers: tuple[int, ...] = (1, 2)
    """Numbers of workers for throughput; empty: not measured."""
    python: str | None = None
    """Interpreter of the environment with the peers; None: this one."""

    def __post_init__(self) -> None:
        for name, least, most in (("rounds", 1, 10_000), ("warmup", 0, 1_000), ("starts", 1, 100)):
            value = getattr(self, name)
            require(least <= value <= most, name, value, f"it must be at least {least} and at most {most}")
        for name, most in (("batch_sizes", 1024), ("workers", 256)):
            for value in getattr(self, name):
                require(1 <= value <= most, name, value, f"each must be at least 1 and at most {most}")
        if not self.texts or not self.many:
            raise BenchmarkError("there is no text to measure; give at least one")


class _Record:
    """All measurements of one subject."""

    def __init__(self, name: str, subject: Subject, worker: Worker, start: float) -> None:
        self.name = name
        self.subject = subject
        self.worker = worker
        self.texts: dict[str, str] = {}
        self.whole: dict[str, list[dict[str, Any]]] = {}
        self.stream: dict[str, list[dict[str, Any]]] = {}
        self.throughput: dict[tuple[str, int], list[dict[str, Any]]] = {}
        self.start_ups: list[tuple[float, float]] = []
        self.memory: list[tuple[float, float]] = []
        self.peak_mb = 0.0
        self.cuda_peak_mb: float | None = None
        self._start = start

    def ask(self, kind: str, **request: Any) -> dict[str, Any]:
        found = self.worker.ask(kind, **request)
        self.peak_mb = max(self.peak_mb, found["peak_rss_mb"])
        if found["cuda_peak_mb"] is not None:
            self.cuda_peak_mb = max(self.cuda_peak_mb or 0.0, found["cuda_peak_mb"])
        self.memory.append((round(time.perf_counter() - self._start, 2), found["rss_mb"]))
        return found


def measure(
    subjects: Sequence[Subject], plan: Plan, command: str = "", progress: Progress | None = None
) -> dict[str, Any]:
    """The report of a run, ready for JSON: see `docs/benchmark.md`. Raises `BenchmarkError` if a subject cannot run."""
    if not subjects:
        raise BenchmarkError("there is nothing to measure; give a voice, a model pair or a peer")
    if len(subjects) > MOST_SUBJECTS:
        raise BenchmarkError(
            f"{len(subjects)} combinations were asked for; at most {MOST_SUBJECTS} run at once"
        )
    machine, start = facts(), time.perf_counter()
    with ExitStack() as stack:
        records = _started(subjects, plan, stack, start)
        _set_texts(records, plan)
        turns = _turns(records, plan)
        for number, turn in enumerate(turns, 1):
            turn()
            if progress:
                progress(number, len(turns))
        for record in records:
            record.ask("memory")
    found = {record.name: _report(record) for record in records}
    return {
        "what": "synthesis measured in processes that take turns",
        "command": command,
        "date": today(),
        "machine": {**machine, "load_1_min_after": load()},
        "plan": {
            "rounds": plan.rounds,
            "warmup": plan.warmup,
            "starts": plan.starts,
            "threads": sorted({subject.given["threads"] for subject in subjects}),
        },
        "subjects": found,
        "cpu_time_beside_the_first": _ratios(records),
        "targets": targets(found),
    }


def _started(subjects: Sequence[Subject], plan: Plan, stack: ExitStack, start: float) -> list[_Record]:
    """A running process per subject, after some that were started only to time them."""
    records: list[_Record] = []
    times: dict[str, list[tuple[float, float]]] = {}
    for turn in range(plan.starts):
        for name, subject in zip(names(subjects), subjects, strict=True):
            worker = Worker(name, subject.given, plan.python if subject.is_peer else None)
            times.setdefault(name, []).append((worker.start_up_s, worker.ready["cpu_s"]))
            if turn < plan.starts - 1:
                worker.close()
                continue
            stack.enter_context(worker)
            records.append(_Record(name, subject, worker, start))
    for record in records:
        record.start_ups = times[record.name]
    return records


def _set_texts(records: Sequence[_Record], plan: Plan) -> None:
    """Assigns texts to each subject: Twi, or for peers English of the same length."""
    ours = [record for record in records if not record.subject.is_peer]
    for record in ours:
        record.texts = dict(plan.texts)
    for record in records:
        if record.subject.is_peer:
            if not ours:
                raise BenchmarkError(
                    "peers are measured beside a voice: on texts as long as its audio; give one"
                )
            for name, text in plan.texts.items():
                seconds = ours[0].ask("whole", text=text)["audio_s"]
                audio_s = _length_of(record)
                record.texts[name], _ = english_of_length(seconds, audio_s)


def _length_of(record: _Record) -> Callable[[str], float]:
    return lambda text: float(record.ask("whole", text=text)["audio_s"])


def _turns(records: Sequence[_Record], plan: Plan) -> list[Callable[[], None]]:
    """All turns in order."""
    turns: list[Callable[[], None]] = []
    for number in range(-plan.warmup, plan.rounds):
        counts = number >= 0
        shift = number % len(records)
        order = [*records[shift:], *records[:shift]]  # no subject always follows the same one
        for name in plan.texts:
            turns += [_turn(record, name, counts) for record in order]
        for kind, sizes in (("batch", plan.batch_sizes), ("workers", plan.workers)):
            for size in sizes:
                own = [record for record in order if not record.subject.is_peer]
                turns += [_throughput_turn(record, kind, size, plan.many, counts) for record in own]
    return turns


def _turn(record: _Record, name: str, counts: bool) -> Callable[[], None]:
    def run() -> None:
        text = record.texts[name]
        for kind, found in (("whole", record.whole), ("stream", record.stream)):
            item = record.ask(kind, text=text)
            if counts:
                found.setdefault(name, []).append(item)

    return run


def _throughput_turn(
    record: _Record, kind: str, size: int, texts: Sequence[str], counts: bool
) -> Callable[[], None]:
    def run() -> None:
        item = record.ask(kind, texts=list(texts), **{"size" if kind == "batch" else "number": size})
        if counts:
            record.throughput.setdefault((kind, size), []).append({**item, "texts": len(texts)})

    return run


def _report(record: _Record) -> dict[str, Any]:
    ready, given = record.worker.ready, record.subject.given
    about = ready["about"]
    return {
        "kind": "peer" if record.subject.is_peer else "kalakan",
        "engine": about.get("engine", given["engine"]),
        **{name: given[name] for name in ("device", "precision") if name in given},
        "threads": given["threads"],
        **({"voice": about["voice"]} if "voice" in about else {}),
        "bytes": ready["bytes"],
        "start_up": {
            "wall_s": summary([wall for wall, _ in record.start_ups]),
            "cpu_s": summary([cpu for _, cpu in record.start_ups]),
        },
        "texts": {name: _text_report(record, name) for name in record.texts},
        "throughput": {
            kind: {str(size): _throughput_report(record.throughput[kind, size]) for size in sizes}
            for kind, sizes in _sizes(record).items()
        },
        "memory": {
            "peak_rss_mb": record.peak_mb,
            "peak_cuda_mb": record.cuda_peak_mb,
            "rss_mb_at_s": [list(point) for point in record.memory],
        },
    }


def _text_report(record: _Record, name: str) -> dict[str, Any]:
    whole, stream = record.whole[name], record.stream[name]
    seconds = [item["wall_s"] for item in whole]
    return {
        "text": record.texts[name],
        "characters": len(record.texts[name]),
        "audio_s": round(whole[0]["audio_s"], 3),
        "rtf": {
            clock: summary([item[f"{clock}_s"] / item["audio_s"] for item in whole], 5)
            for clock in ("wall", "cpu")
        },
        "latency_s": latencies(seconds),
        "seconds": [round(value, 6) for value in seconds],
        "first_audio_s": {
            clock: summary([item[f"first_{clock}_s"] for item in stream], 5) for clock in ("wall", "cpu")
        },
    }


def _throughput_report(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "texts_per_s": summary([item["texts"] / item["wall_s"] for item in items], 3),
        "texts_per_cpu_s": summary([item["texts"] / max(item["cpu_s"], 1e-9) for item in items], 3),
        "audio_s_per_s": summary([item["audio_s"] / item["wall_s"] for item in items], 2),
    }


def _sizes(record: _Record) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for kind, size in record.throughput:
        found.setdefault(kind, []).append(size)
    return found


def _ratios(records: Sequence[_Record]) -> dict[str, Any]:
    """CPU time per second of audio of each subject relative to the first, round by round."""

    def rtf(record: _Record, name: str) -> list[float]:
        return [max(item["cpu_s"], 1e-9) / item["audio_s"] for item in record.whole[name]]

    first, *others = records
    return {
        record.name: {name: paired_ratio(rtf(record, name), rtf(first, name)) for name in record.texts}
        for record in others
    }
