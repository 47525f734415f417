"""Prometheus metrics over all workers of a server."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from kalakan.api import logs
from kalakan.api.usage import Usage
from kalakan.config.environment import text_value

SECONDS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 30.0)
"""Buckets of the time histograms."""
RTFS = (0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Buckets of the real-time-factor histogram."""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the folder that workers share, which prometheus-client reads when it is imported."""


class Metrics:
    """The metrics of this worker; `page` has those of all workers."""

    def __init__(self) -> None:
        """Joins the other workers, if there are any; logs a line if the folder is unavailable."""
        folder = shared_folder()
        if folder is not None:
            os.environ[SHARED] = str(folder)
            self._member(folder).touch()
        # Not at the top, because the variable determines how it counts.
        import prometheus_client as prometheus

        self._prometheus: Any = prometheus
        self._folder = os.environ.get(SHARED)
        self._registry = registry = prometheus.CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Any:
            return prometheus.Counter(f"kalakan_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Any:
            return prometheus.Histogram(f"kalakan_{name}", text, labels, buckets=bounds, registry=registry)

        def gauge(name: str, text: str, mode: Any = "livesum") -> Any:
            return prometheus.Gauge(f"kalakan_{name}", text, registry=registry, multiprocess_mode=mode)

        self._requests = counter("requests", "Requests by their route and status", "route", "status")
        self._seconds = histogram("request_seconds", "Seconds to the end of the answer", SECONDS, "route")
        self._first = histogram(
            "first_byte_seconds", "Seconds to the first byte of the body", SECONDS, "route"
        )
        self._audio = counter("audio_seconds", "Seconds of audio that were answered")
        self._characters = counter("characters", "Characters of text that were answered with audio")
        self._work = counter("work_seconds", "Seconds that workers computed")
        self._rtf = histogram("rtf", "Seconds of work for a second of audio that was not cached", RTFS)
        self._cache = counter("cache_lookups", "Look-ups in the cache", "result")
        self._pending = gauge("pending_requests", "Requests that wait for audio")
        self._open = gauge("open_requests", "Requests that are being answered")
        self._memory = gauge("memory_bytes", "Resident memory of each worker", "liveall")
        self._memory.set(resident_bytes())

    def request(self, route: str, status: int, seconds: float, first: float | None) -> None:
        """Counts a response."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if first is not None:
            self._first.labels(route).observe(first)
        self._memory.set(resident_bytes())

    def speech(self, usage: Usage) -> None:
        """Counts the cost of a request."""
        self._audio.inc(usage.audio_s)
        self._characters.inc(usage.characters)
        self._work.inc(usage.work_s)
        if usage.is_cached is not None:
            self._cache.labels("hit" if usage.is_cached else "miss").inc()
        if usage.samples and not usage.is_cached:
            self._rtf.observe(usage.work_s / usage.audio_s)

    def load(self, pending: int, open: int) -> None:
        """Sets the current numbers of requests."""
        self._pending.set(pending)
        self._open.set(open)

    def page(self) -> tuple[bytes, str]:
        """The metrics of all workers, and their Content-Type."""
        registry = self._registry
        if self._folder is not None:
            from prometheus_client import multiprocess

            for process in _processes(Path(self._folder)):
                if not _is_alive(process):  # killed: its counters stay, its gauges do not
                    multiprocess.mark_process_dead(process, self._folder)  # type: ignore[no-untyped-call]
            registry = self._prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        return self._prometheus.generate_latest(registry), self._prometheus.CONTENT_TYPE_LATEST

    def close(self) -> None:
        """Leaves the other workers; the last one removes a folder that was created for them."""
        if self._folder is None:
            return
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(os.getpid(), self._folder)  # type: ignore[no-untyped-call]
        folder = Path(self._folder)
        self._member(folder).unlink(missing_ok=True)
        members = (int(path.suffix[1:]) for path in folder.glob(f"{MEMBER}.*"))
        if folder.name.startswith(PREFIX) and not any(map(_is_alive, members)):
            shutil.rmtree(folder, ignore_errors=True)

    def _member(self, folder: Path) -> Path:
        return folder / f"{MEMBER}.{os.getpid()}"


METRICS_DIR = "KALAKAN_METRICS_DIR"
"""Variable with the folder that workers share."""
PREFIX = "kalakan-metrics-"
"""Prefix of the names of folders created here."""
MEMBER = "member"
"""Name of an empty file of each worker in such a folder."""


def shared_folder() -> Path | None:
    """The folder that the workers of this server share: from the environment, or named after the process that started
    them. None for a single process, and if no folder can be created."""
    given = text_value(METRICS_DIR) or os.environ.get(SHARED)
    if given is None and "gunicorn.arbiter" not in sys.modules:
        return None
    folder = Path(given) if given is not None else _of_parent()
    try:
        folder.mkdir(mode=0o700, parents=given is not None, exist_ok=True)
        if given is None and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
            raise PermissionError(1, "it is another user's")
    except OSError as error:
        reason = f"{folder} cannot be used ({error.strerror})"
        logs.write(logging.ERROR, error=f"{reason}; set {METRICS_DIR}: metrics are this worker's")
        return None
    return folder


def _of_parent() -> Path:
    """A folder for the children of this process's parent; the parent's start time distinguishes it from earlier
    ones."""
    parent = os.getppid()
    start = ""
    with suppress(OSError, IndexError):
        start = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    try:
        base = Path(tempfile.gettempdir())
    except OSError:  # no writable folder for temporary files
        base = Path("/nonexistent")
    return base / f"{PREFIX}{os.getuid()}-{parent}-{start}"


def _processes(folder: Path) -> set[int]:
    """Process ids among the names of prometheus-client's files, as in gauge_livesum_17.db."""
    names = (path.stem.rpartition("_")[2] for path in folder.glob("*.db"))
    return {int(name) for name in names if name.isdecimal()}


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def resident_bytes() -> int:
    """Memory of this process; 0 if unknown."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
