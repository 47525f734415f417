"""A cache in files."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kalakan.errors import CacheWarning
from kalakan.storage import lock_file, replacing
from kalakan.synthesis.cache.interface import lifetime, seconds, size_in_bytes
from kalakan.synthesis.cache.record import HEADER, packed, unpacked
from kalakan.synthesis.engines.acoustics import Samples

SUFFIX, LOCK_SUFFIX = ".audio", ".lock"
POLL_S = 0.01
"""Interval at which a process checks whether another one has finished the audio that it waits for."""


class DiskCache:
    """Caches audio in files, one per key, in a folder that several processes may share.

    A file is written under a temporary name and then renamed; damaged or truncated files, and files in another format,
    are removed and count as misses. Beyond `max_bytes` the least recently used files are evicted. Files cannot run
    code.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        max_bytes: int = 1 << 30,
        ttl_s: float | None = None,
        wait_s: float = 2.0,
    ) -> None:
        """`ttl_s` is the lifetime of an entry in seconds, `wait_s` the longest time a request waits for audio that
        another process is synthesizing. Raises `ConfigError` for a value out of range; an unusable folder causes a
        `CacheWarning` at the first use."""
        self._folder = Path(folder)
        self._max_bytes = size_in_bytes("max_bytes", max_bytes)
        self._ttl_s = lifetime(ttl_s)
        self._wait_s = seconds("wait_s", wait_s, 600)
        self._bytes: int | None = None
        self._has_warned = False
        self._lock = threading.Lock()

    def get(self, key: str) -> Samples | None:
        """See `AudioCache`."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(error)
            return None
        audio = unpacked(key, content, self._ttl_s)
        with suppress(OSError):  # another process may have removed it meanwhile
            if audio is None:
                path.unlink()
            else:
                os.utime(path)  # marks it as recently used
        return audio

    def put(self, key: str, audio: Samples) -> None:
        """See `AudioCache`; audio larger than the whole cache is not stored."""
        if HEADER.size + audio.nbytes > self._max_bytes:
            return
        record = packed(key, audio)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                partial.write_bytes(record)
            self._make_room(len(record))
        except OSError as error:
            self._warn(error)

    @contextmanager
    def reserved(self, key: str) -> Iterator[Samples | None]:
        """See `SharedCache`. The lock ends with the process that holds it."""
        path = self._path(key).with_suffix(LOCK_SUFFIX)
        until = time.monotonic() + self._wait_s
        lock = audio = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            while (lock := lock_file(path)) is None and time.monotonic() < until:
                time.sleep(POLL_S)
                if (audio := self.get(key)) is not None:
                    break
        except OSError as error:
            self._warn(error)
        try:
            yield self.get(key) if audio is None else audio
        finally:
            if lock is not None:
                with suppress(OSError):
                    path.unlink()  # whoever waits for this file finds the audio, or synthesizes it again
                lock.close()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + SUFFIX)

    def _make_room(self, added: int) -> None:
        """Counts the added bytes; past the limit recounts all files (other processes write here too) and evicts."""
        with self._lock:
            if self._bytes is not None and self._bytes + added <= self._max_bytes:
                self._bytes += added
                return
            files = sorted(self._files())
            self._bytes = sum(size for _, size, _ in files)
            # Evicts a tenth more than needed, so that not every added file triggers a recount.
            limit = self._max_bytes if self._bytes <= self._max_bytes else self._max_bytes * 9 // 10
            for _, size, path in files[:-1]:
                if self._bytes <= limit:
                    break
                path.unlink(missing_ok=True)
                self._bytes -= size

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Time of last use, bytes and path of every file."""
        for path in self._folder.glob(f"??/*{SUFFIX}"):
            with suppress(FileNotFoundError):
                stat = path.stat()
                yield stat.st_mtime, stat.st_size, path

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            reason = error.strerror or str(error)
            warnings.warn(
                f"the audio cache in {self._folder} cannot be used ({reason}); synthesis goes on without",
                CacheWarning,
                stacklevel=4,
            )
