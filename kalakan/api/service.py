"""`Service`: one synthesizer behind the server, with admission, deadlines and the cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, TypeVar

import numpy as np

from kalakan.api.encoding import Output
from kalakan.api.errors import ApiError, too_busy, too_late
from kalakan.api.keys import Keys
from kalakan.api.memory import Rest
from kalakan.api.metrics import Metrics
from kalakan.api.settings import ServerSettings
from kalakan.api.usage import Usage
from kalakan.errors import SynthesisError
from kalakan.synthesis.cache import AudioCache, CachedSynthesizer, DiskCache, MemoryCache, RedisCache
from kalakan.synthesis.engines.acoustics import Samples
from kalakan.synthesis.futures import Priority
from kalakan.synthesis.options import SpeakOptions, speaker_shares
from kalakan.synthesis.parallel import ParallelSynthesizer
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.twi_g2p import TwiG2P

Item = TypeVar("Item")
OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin"),
    *("nova", "onyx", "sage", "shimmer", "verse"),
)
"""Names of OpenAI's voices, which clients send by default. They are mapped to the speakers in turn."""
MOST_MIX = 200
"""Maximum length of a mix of speakers in characters."""
STEPS = 8
"""Number of blocks encoded before the next place to stop, when no client is waiting."""
LEAST_AHEAD_S = 0.5
"""Seconds of audio that the client of a stream should have left; with less, the stream has priority, so that playback
does not stall."""
WARM_UP = "Akwaaba!"
"""Text synthesized at start-up, so that the first request is as fast as later ones."""


class Service:
    """Synthesizes for the endpoints. All computation runs in the workers of a `ParallelSynthesizer`, chunk by chunk, so
    that the event loop stays free and a client that disconnects costs at most the chunk in progress."""

    def __init__(
        self, settings: ServerSettings, synthesizer: Synthesizer | None = None, keys: Keys | None = None
    ) -> None:
        """Loads the models, unless a `synthesizer` is given; raises the errors of `Synthesizer`."""
        self.settings = settings
        """The operator's settings."""
        self.synthesizer = synthesizer or load(settings)
        """The synthesizer."""
        caches: list[AudioCache] = [MemoryCache(settings.cache_bytes)] if settings.cache_bytes else []
        if settings.cache_dir is not None:
            caches.append(DiskCache(settings.cache_dir))
        if settings.redis_url is not None:
            caches.append(RedisCache(settings.redis_url))
        self._caches = caches
        self.cached = CachedSynthesizer(self.synthesizer, *(caches or [MemoryCache(0)]))
        """Its cache."""
        self.parallel = ParallelSynthesizer(synthesizer=self.synthesizer, capacity=settings.max_requests)
        """Its workers."""
        self.keys = keys or Keys(settings.api_keys, settings.rate_limit)
        """Its keys."""
        self.sockets = 0
        """Open WebSockets."""
        self.metrics = Metrics()
        """Its metrics."""
        self._rest = Rest()
        self.is_draining = False
        """Whether the server is shutting down."""
        self.pending = 0
        """Number of requests waiting for the next chunk from the workers."""
        self.open = 0
        """Number of requests in progress, including slow readers."""
        self.unheard = 0
        """Number of streams whose client has received nothing yet."""

    def warm_up(self) -> None:
        """Synthesizes a word, and returns the memory that loading took."""
        self.parallel.submit(WARM_UP).result()
        self._rest.now()

    def close(self) -> None:
        """Stops the workers after the chunks in progress."""
        self.parallel.close(wait=False)
        self.metrics.close()

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers."""
        return self.synthesizer.speakers

    @property
    def tones(self) -> str:
        """Default source of tones: the voice's."""
        voice = self.synthesizer.voice
        return "written" if voice is None else voice.tones

    def aliases(self, speaker: str) -> list[str]:
        """OpenAI's names that are mapped to a speaker."""
        return [name for name in OPENAI_VOICES if self.speaker(name) == speaker]

    def speaker(self, voice: str) -> str:
        """The speaker for a voice name; unknown names are returned unchanged."""
        if voice in self.speakers or voice not in OPENAI_VOICES:
            return voice
        return self.speakers[OPENAI_VOICES.index(voice) % len(self.speakers)]

    def check_speaker(self, speaker: str, param: str) -> None:
        """Raises `ApiError` for an unknown speaker, listing the valid ones, and for an invalid mix."""
        is_mix = ":" in speaker and len(speaker) <= MOST_MIX
        if not is_mix and speaker not in self.speakers:
            message = f"{param} {speaker[:40]!a} does not exist; choose one of {', '.join(self.speakers)}"
            raise ApiError(400, message, param=param, code="voice_not_found")
        try:
            speaker_shares(speaker, self.speakers)
        except SynthesisError as error:
            raise ApiError(400, f"{param}: {error}", param=param, code="voice_not_found") from error

    @contextmanager
    def admitted(self, *, is_begun: bool = False) -> Iterator[None]:
        """Counts a request while it is processed. Raises `ApiError` 429 if the server is full, unless it is the rest of
        an admitted request."""
        is_full = self.pending >= self.settings.queue or self.open >= self.settings.max_requests
        if is_full and not is_begun:
            raise too_busy("the server has as many requests as it can serve in time")
        self._count(open=1, pending=1)
        try:
            yield
        finally:
            self._count(open=-1, pending=-1)
            if not self.open and not self.is_draining and (give_back := self._rest.due()):
                asyncio.get_running_loop().run_in_executor(None, give_back)

    @contextmanager
    def waiting_for_client(self) -> Iterator[None]:
        """For the time that an admitted request is sending, so that a slow reader blocks nobody from the CPU."""
        self._count(pending=-1)
        try:
            yield
        finally:
            self._count(pending=1)

    def _count(self, *, open: int = 0, pending: int = 0) -> None:
        self.open += open
        self.pending += pending
        self.metrics.load(self.pending, self.open)

    async def items(
        self, source: Iterator[Item], usage: Usage, *, priority: Priority = "normal", is_whole: bool = False
    ) -> AsyncGenerator[Item, None]:
        """The items of an iterator, computed by the workers one at a time, taking turns with other requests.

        The items of a stream have priority while its client has no audio yet, or less than `LEAST_AHEAD_S` of it left.
        Raises `ApiError` 408 if the first item takes longer than the deadline; with `is_whole` (not a stream), if all
        items together do.
        """
        deadline: float | None = asyncio.get_running_loop().time() + self.settings.deadline_s
        timed = usage.timed(source)
        leads = not is_whole and not usage.is_heard
        self.unheard += leads

        def level() -> Priority:
            is_urgent = not is_whole and usage.ahead_s(time.monotonic()) < LEAST_AHEAD_S
            return "high" if is_urgent else priority

        try:
            async with aclosing(self.parallel.aiterate(timed, priority=level)) as coming:
                while True:
                    try:
                        item = await (anext(coming) if deadline is None else self._within(deadline, coming))
                    except StopAsyncIteration:
                        return
                    deadline = deadline if is_whole else None
                    if leads and item:
                        self.unheard, leads = self.unheard - 1, False
                        usage.heard(time.monotonic())
                    yield item
        finally:
            self.unheard -= leads
            self.metrics.speech(usage)

    async def _within(self, deadline: float, coming: AsyncIterator[Item]) -> Item:
        """The next item; raises `ApiError` 408 at the deadline, a time of the event loop."""
        task = asyncio.ensure_future(anext(coming))
        try:
            # Not wait_for: before Python 3.12 it may lose a cancellation that arrives together with the result.
            await asyncio.wait((task,), timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
            if task.done():
                return task.result()
            raise too_late(self.settings.deadline_s)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                await task

    async def result(self, steps: Iterator[Any], usage: Usage, *, priority: Priority = "normal") -> Any:
        """The last item of an iterator whose other items are places to stop; errors as for `items`."""
        found = None
        async with aclosing(self.items(steps, usage, priority=priority, is_whole=True)) as items:
            async for item in items:
                found = item
        return found

    async def call(self, function: Callable[[], Any]) -> Any:
        """The result of a function, computed by a worker. Raises `ApiError` 429 if the server is full."""

        def steps() -> Iterator[Any]:
            yield function()

        with self.admitted():
            return await self.result(steps(), self.usage())

    async def file(self, audio: Samples, output: Output) -> bytes:
        """Audio [S] as a complete file, encoded by a worker. Raises `ApiError` 429 if the server is full."""
        with self.admitted():
            content: bytes = await self.result(self.file_steps(audio, output), self.usage())
        return content

    def usage(self, text: str = "") -> Usage:
        """A record of the cost of a request for a text."""
        return Usage(self.synthesizer.sample_rate, len(text))

    @property
    def keeps(self) -> bool:
        """Whether there is a cache."""
        return bool(self._caches)

    def streamed(
        self, text: str, options: SpeakOptions, output: Output, usage: Usage
    ) -> Generator[bytes, None, None]:
        """The encoded audio of a text, chunk by chunk as it is synthesized; an empty chunk is a place to stop."""
        encoder = output.encoder()
        for samples in self._samples(text, options, usage):
            usage.samples += len(samples)
            pieces = map(encoder.encode, output.blocks(samples))
            yield from (b"".join(some) for some in self._between_stops(pieces))
        yield encoder.finish()

    def file_steps(self, audio: Samples, output: Output) -> Iterator[bytes | None]:
        """Yields None at places to stop, and finally audio [S] as a complete file."""
        return (steps[-1] for steps in self._between_stops(output.steps(audio)))

    def _between_stops(self, steps: Iterable[Item]) -> Iterator[list[Item]]:
        """Groups steps into lists, with a place to stop after each list: single steps while a client is waiting for its
        first chunk, otherwise a few, because every stop costs half a millisecond."""
        some: list[Item] = []
        for step in steps:
            some.append(step)
            if self.unheard or len(some) == STEPS:
                yield some
                some = []
        if some:
            yield some

    def _samples(self, text: str, options: SpeakOptions, usage: Usage) -> Iterator[Samples]:
        # Not the key of the reading, because a stream begins before the whole text is read. Its windows match the
        # samples of whole sentences only within a tolerance, so they are separate entries.
        key = self.cached.written_key(text, options) if self._caches else None
        audio = None if key is None else self._found(key, usage)
        if audio is not None:
            usage.key = key
            yield audio
            return
        kept: list[Samples] = []
        room = self.settings.cache_bytes if key is not None else 0
        usage.key = key if room else None
        with self.synthesizer.stream(text, options) as pieces:
            for piece in pieces:
                samples = np.asarray(piece)
                room -= samples.nbytes
                if room >= 0:
                    kept.append(samples)
                else:
                    kept.clear()
                yield samples
        if key is not None and room >= 0 and kept:
            self.cached.keep(key, np.concatenate(kept))

    def whole(
        self, text: str, options: SpeakOptions, usage: Usage
    ) -> Generator[tuple[str | None, Samples] | None, None, None]:
        """Yields None at places to stop, and finally the key and the audio [S] of a text."""
        key = self.cached.key(text, options) if self._caches else None
        audio = None if key is None else self._found(key, usage)
        if audio is None:
            pieces: list[Samples] = []
            with self.synthesizer.stream(text, options, by_sentence=True) as sentences:
                for sentence in sentences:
                    pieces.append(np.asarray(sentence))
                    yield None
            audio = np.concatenate(pieces)
            if key is not None:
                self.cached.keep(key, audio)
        usage.samples = len(audio)
        yield key, audio

    def _found(self, key: str, usage: Usage) -> Samples | None:
        audio = self.cached.found(key)
        usage.is_cached = audio is not None
        return audio

    def reader(self, **changes: Any) -> TwiG2P:
        """A reader like the synthesizer's, with its lexicon but different settings."""
        lexicon = self.settings.lexicon
        tones = changes.pop("tones", None) or self.tones
        return TwiG2P(lexicon=lexicon, tones=tones, **changes)


def load(settings: ServerSettings) -> Synthesizer:
    """The synthesizer for the settings; raises the errors of `Synthesizer`."""
    return Synthesizer(
        settings.voice,
        acoustic_model=settings.acoustic_model,
        vocoder=settings.vocoder,
        device=settings.device,
        lexicon=settings.lexicon,
    )
