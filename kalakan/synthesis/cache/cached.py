"""A synthesizer with caches, and the key that identifies a request."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from kalakan.synthesis.cache.interface import AudioCache, SharedCache
from kalakan.synthesis.cache.memory import MemoryCache
from kalakan.synthesis.engines.acoustics import Samples
from kalakan.synthesis.options import Changes, SpeakOptions
from kalakan.synthesis.reading.phrases import Phrase
from kalakan.synthesis.synthesizer import Audio, Options, Synthesizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

TEXTS = 4096
"""Number of texts whose keys a `CachedSynthesizer` remembers, so that it need not read them again."""


class CachedSynthesizer:
    """A `Synthesizer` that returns cached samples for requests that it, or one with the same voice, served before.

    The `caches` are searched in order; on a hit, the earlier ones store the audio as well. Concurrent callers with the
    same request share one synthesis, also across processes if a cache is a `SharedCache`. If voices cannot be compared
    (`Synthesizer.fingerprint` is None), every request is synthesized.
    """

    def __init__(self, synthesizer: Synthesizer, *caches: AudioCache) -> None:
        """If no `caches` are given, uses a `MemoryCache`."""
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

    def written_key(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> str | None:
        """Cache key of the text as written, for requests that must start before the whole text is read. Unicode forms
        of a text share it. It never equals a `key`. None if voices cannot be compared."""
        given = self.synthesizer._options(options, changes)
        fingerprint = self._known_fingerprint()
        if fingerprint is None:
            return None
        record = (fingerprint, astuple(given), unicodedata.normalize("NFC", text))
        return hashlib.sha256(repr(record).encode("utf-8", "surrogatepass")).hexdigest()

    def found(self, key: str) -> Samples | None:
        """The cached audio [S] of a key, which must not be modified; None if there is none."""
        return self._found(key)

    def keep(self, key: str, audio: Samples) -> None:
        """Stores audio [S] in every cache."""
        self._put(key, audio)

    def _known_fingerprint(self) -> str | None:
        """The synthesizer's fingerprint, recomputed if one of its parts was replaced."""
        stages = self.synthesizer.stages
        parts = (stages.acoustic, stages.vocoder, stages.text.reader)
        with self._lock:
            if len(self._voice) != 3 or any(a is not b for a, b in zip(parts, self._voice, strict=True)):
                self._voice, self._fingerprint = parts, self.synthesizer.fingerprint
                self._keys.clear()
            return self._fingerprint

    def _found(self, key: str, *, is_shared: bool = True) -> Samples | None:
        """Audio from the first cache that has it. Without `is_shared`, skips the caches that `_made` asks."""
        for place, cache in enumerate(self._caches):
            if not is_shared and isinstance(cache, SharedCache):
                continue
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
            audio = self._found(key, is_shared=False)  # another caller may have stored it in the meantime
            if audio is None:
                audio = self._made(key, make)
            coming.set_result(audio)
            return audio
        except BaseException as error:
            coming.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._coming[key]

    def _made(self, key: str, make: Callable[[], Samples]) -> Samples:
        """The result of `make`, or of another process that is already computing it."""
        with ExitStack() as reservations:
            for cache in self._caches:
                if not isinstance(cache, SharedCache):
                    continue
                audio = reservations.enter_context(cache.reserved(key))
                if audio is not None:
                    self._put(key, audio, but=cache)
                    return audio
            audio = make()
            self._put(key, audio)
            return audio

    def _put(self, key: str, audio: Samples, but: AudioCache | None = None) -> None:
        for cache in self._caches:
            if cache is not but:
                cache.put(key, audio)


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
