"""Caches of synthesized audio, in memory and on disk, and the key that identifies a request."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalakan.errors import CacheWarning, ConfigError
from kalakan.storage import replacing
from kalakan.synthesis.engines.stages import Samples
from kalakan.synthesis.options import Changes, SpeakOptions, is_number, is_whole
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.synthesizer import Audio, Options, Synthesizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

MAGIC = b"KALAKAN1"
"""First bytes of a file of a `DiskCache`."""
HEADER = struct.Struct("<8sdQ32s")
"""Magic, creation time in seconds, samples S, sha256 of the payload: S float32, little-endian."""
SUFFIX = ".audio"
TEXTS = 4096
"""Number of texts whose keys a `CachedSynthesizer` keeps, so that they are not read again."""


class AudioCache(Protocol):
    """A store of audio. Neither method raises for an error of the store: it must not fail the request."""

    def get(self, key: str) -> Samples | None:
        """Audio [S] stored under a key, to be read only; None if there is none."""
        ...

    def put(self, key: str, audio: Samples) -> None:
        """Stores audio [S] if there is room."""
        ...


class MemoryCache:
    """A least-recently-used cache in memory, of up to `max_bytes` of samples. Thread-safe."""

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        """Raises `ConfigError` for a negative size."""
        self._max_bytes = _size("max_bytes", max_bytes)
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


class DiskCache:
    """Caches audio in files, one per key, in a folder that several processes may share.

    A file is written under a temporary name and then renamed; one that is damaged, truncated or of another format is
    removed and counts as a miss. Beyond `max_bytes` the least recently used files are evicted. Files cannot run code.
    """

    def __init__(
        self, folder: str | os.PathLike[str], max_bytes: int = 1 << 30, ttl_s: float | None = None
    ) -> None:
        """`ttl_s` is the lifetime of an entry in seconds. Raises `ConfigError` for a value out of range; a folder
        that cannot be used is a `CacheWarning` at the first use."""
        self._folder = Path(folder)
        self._max_bytes = _size("max_bytes", max_bytes)
        if ttl_s is not None and (not is_number(ttl_s) or not ttl_s > 0):
            raise ConfigError(f"ttl_s is {ttl_s!r}; it must be a number of seconds above 0, or None")
        self._ttl_s = ttl_s
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
        audio = self._read(content)
        with suppress(OSError):  # another process may have removed it meanwhile
            if audio is None:
                path.unlink()
            else:
                os.utime(path)  # marks it as recently used
        return audio

    def put(self, key: str, audio: Samples) -> None:
        """See `AudioCache`; audio larger than the whole cache is not stored."""
        samples = np.ascontiguousarray(audio, "<f4").tobytes()
        header = HEADER.pack(MAGIC, time.time(), len(audio), hashlib.sha256(samples).digest())
        if len(header) + len(samples) > self._max_bytes:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                partial.write_bytes(header + samples)
            self._make_room(len(header) + len(samples))
        except OSError as error:
            self._warn(error)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + SUFFIX)

    def _read(self, content: bytes) -> Samples | None:
        if len(content) < HEADER.size:
            return None
        magic, made, count, digest = HEADER.unpack_from(content)
        samples = content[HEADER.size :]
        is_whole_file = magic == MAGIC and len(samples) == 4 * count
        if not is_whole_file or hashlib.sha256(samples).digest() != digest:
            return None
        if self._ttl_s is not None and not 0 <= time.time() - made <= self._ttl_s:
            return None
        return np.frombuffer(samples, "<f4").astype(np.float32, copy=False)

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


class CachedSynthesizer:
    """A `Synthesizer` that returns cached samples for requests that it, or one with the same voice, served before.

    The `caches` are searched in order; on a hit, those before it store the audio as well. Concurrent callers with the
    same request share one synthesis. If voices cannot be compared (`Synthesizer.fingerprint` is None), every request
    is synthesized.
    """

    def __init__(self, synthesizer: Synthesizer, *caches: AudioCache) -> None:
        """Without `caches`, a `MemoryCache`."""
        self.synthesizer = synthesizer
        """The wrapped synthesizer."""
        self._caches: Sequence[AudioCache] = caches or (MemoryCache(),)
        self._keys: OrderedDict[tuple[str, SpeakOptions], str] = OrderedDict()
        self._voice: tuple[object, ...] = ()
        self._fingerprint: str | None = None
        self._coming: dict[str, Future[Samples]] = {}
        self._lock = threading.Lock()

    def synthesize(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> Audio:
        """Audio [S] of `Synthesizer.synthesize`; arguments and errors as there."""
        given = self.synthesizer._options(options, changes)
        key = self.key(text, given)
        if key is None:
            return self.synthesizer.synthesize(text, given)
        audio = self._found(key)
        if audio is None:
            audio = self._made_once(key, lambda: np.asarray(self.synthesizer.synthesize(text, given)))
        return self.synthesizer.stages.engine.to_audio(audio.copy())

    def key(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> str | None:
        """Cache key of the samples of a text: a hash of the voice, the options and the reading of the text, so that
        spellings with the same reading share it. None if voices cannot be compared."""
        given = self.synthesizer._options(options, changes)
        fingerprint = self._known_fingerprint()
        if fingerprint is None:
            return None
        with self._lock:
            known = self._keys.get((text, given))
            if known is not None:
                self._keys.move_to_end((text, given))
                return known
        key = _key(fingerprint, given, self.synthesizer.stages.text.phrases(text, given))
        with self._lock:
            self._keys[text, given] = key
            if len(self._keys) > TEXTS:
                self._keys.popitem(last=False)
        return key

    def _known_fingerprint(self) -> str | None:
        """The synthesizer's fingerprint, recomputed if one of its parts was replaced."""
        stages = self.synthesizer.stages
        parts = (stages.acoustic, stages.vocoder, stages.text.reader)
        with self._lock:
            if len(self._voice) != 3 or any(a is not b for a, b in zip(parts, self._voice, strict=True)):
                self._voice, self._fingerprint = parts, self.synthesizer.fingerprint
                self._keys.clear()
            return self._fingerprint

    def _found(self, key: str) -> Samples | None:
        for place, cache in enumerate(self._caches):
            audio = cache.get(key)
            if audio is not None:
                for nearer in self._caches[:place]:
                    nearer.put(key, audio)
                return audio
        return None

    def _made_once(self, key: str, make: Callable[[], Samples]) -> Samples:
        """The result of `make`, shared by all concurrent callers."""
        with self._lock:
            coming = self._coming.get(key)
            is_mine = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if not is_mine:
            return coming.result()
        try:
            audio = self._found(key)  # another caller may just have stored it
            if audio is None:
                audio = make()
                for cache in self._caches:
                    cache.put(key, audio)
            coming.set_result(audio)
            return audio
        except BaseException as error:
            coming.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._coming[key]


def _key(fingerprint: str, options: SpeakOptions, phrases: Iterator[Phrase]) -> str:
    digest = hashlib.sha256(fingerprint.encode())
    # The reading already reflects the options that affect the text; the rest affect the sound.
    digest.update(repr(astuple(options)).encode())
    for phrase in phrases:
        sound = (
            phrase.ids,
            phrase.prosody,
            [pause.seconds for pause in phrase.before],
            [pause.seconds for pause in phrase.after],
        )
        digest.update(repr(sound).encode())
    return digest.hexdigest()


def _size(name: str, value: int) -> int:
    if not is_whole(value) or value < 0:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number of bytes, 0 or more")
    return int(value)
