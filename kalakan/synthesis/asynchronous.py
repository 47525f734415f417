"""Synthesis for asyncio: the work runs in a thread beside the event loop, a few chunks ahead of the listener."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any, Protocol

import numpy as np

from kalakan.synthesis.narration import OnSentence


class _Speaker(Protocol):
    """What `AsyncSynthesis` needs of the class that it is mixed into."""

    @property
    def _engine(self) -> Any: ...
    @property
    def iter_pieces(self) -> Callable[..., Iterator[Any]]: ...
    @property
    def stream(self) -> Callable[..., Iterator[Any]]: ...


class AsyncSynthesis:
    """The asyncio face of a `Synthesizer`. Whoever is cancelled waits for the chunk in work, no longer, and leaves no
    thread behind."""

    async def asynthesize(
        self: _Speaker,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> Any:
        """The audio [S] of `synthesize`, whose arguments and errors these are; the event loop stays free meanwhile."""

        from kalakan.synthesis.event_loop import in_thread  # here, because asyncio is a tenth of the start-up

        def steps() -> Iterator[Any]:
            pieces = []
            for piece in self.iter_pieces(
                text,
                speaker=speaker,
                speed=speed,
                pitch=pitch,
                energy=energy,
                sentence_pause=sentence_pause,
                seed=seed,
                ssml=ssml,
            ):
                pieces.append(np.asarray(piece))
                yield None  # a place to stop
            yield self._engine.to_audio(np.concatenate(pieces))

        async with aclosing(in_thread(steps)) as results:
            return [result async for result in results][-1]

    async def astream(
        self: _Speaker,
        text: str,
        *,
        chunk_ms: float | None = None,
        on_sentence: OnSentence | None = None,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> AsyncGenerator[Any, None]:
        """The chunks [S_i] of `stream`, whose arguments these are, made a few chunks before they are due.

        `on_sentence` is called in the thread that works. Errors as for `stream`, when the first chunk is asked for.
        Who leaves the loop early closes it, as `contextlib.aclosing` does, or the work ends with the event loop.
        """

        from kalakan.synthesis.event_loop import in_thread  # here, because asyncio is a tenth of the start-up

        def chunks() -> Iterator[Any]:
            return self.stream(
                text,
                chunk_ms=chunk_ms,
                on_sentence=on_sentence,
                speaker=speaker,
                speed=speed,
                pitch=pitch,
                energy=energy,
                sentence_pause=sentence_pause,
                seed=seed,
                ssml=ssml,
            )

        async with aclosing(in_thread(chunks)) as results:
            async for chunk in results:
                yield chunk
