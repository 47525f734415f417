"""A cache in the memory of the process."""

from __future__ import annotations

import threading
from collections import OrderedDict

from kalakan.synthesis.cache.interface import size_in_bytes
from kalakan.synthesis.engines.acoustics import Samples


class MemoryCache:
    """A least-recently-used cache in memory, of up to `max_bytes` of samples. Thread-safe."""

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        """Raises `ConfigError` for a negative size."""
        self._max_bytes = size_in_bytes("max_bytes", max_bytes)
        self._kept: OrderedDict[str, Samples] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Samples | None:
        """See `AudioCache`."""
        with self._lock:
            audio = self._kept.get(key)
            if audio is not None:
                self._kept.move_to_end(key)
            return audio

    def put(self, key: str, audio: Samples) -> None:
        """See `AudioCache`; audio larger than the whole cache is not stored."""
        if audio.nbytes > self._max_bytes:
            return
        kept = audio.copy()
        kept.flags.writeable = False
        with self._lock:
            before = self._kept.pop(key, None)
            self._bytes += kept.nbytes - (0 if before is None else before.nbytes)
            self._kept[key] = kept
            while self._bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.nbytes

    @property
    def bytes(self) -> int:
        """Bytes of samples in the cache."""
        return self._bytes

    def clear(self) -> None:
        """Empties the cache."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0
