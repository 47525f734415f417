"""Serves Home Assistant and other clients of the Wyoming protocol: JSON events and PCM over a socket."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from kalakan import _rust
from kalakan.api.encoding import pcm
from kalakan.api.errors import ApiError, api_error
from kalakan.api.incoming import Incoming
from kalakan.api.service import Service
from kalakan.api.usage import Usage
from kalakan.errors import KalakanError, TextError
from kalakan.synthesis.options import SpeakOptions

NAME = "kalakan"
_ATTRIBUTION = Attribution("Kalakan", "")
_WIDTH = 2


class Connection:
    """Handles the events of one client."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._options: SpeakOptions | None = None
        self._incoming = Incoming(0)
        self._samples = 0
        self._refused: TextError | None = None

    async def run(self) -> None:
        """Handles events until the client disconnects; an unreadable event ends the connection."""
        try:
            # wyoming's exceptions for invalid events: ValueError and its subclasses, KeyError, EOFError
            with suppress(ConnectionError, EOFError, KeyError, ValueError, TypeError, AttributeError):
                while (event := await async_read_event(self._reader)) is not None:
                    await self._answer(event)
        finally:
            self._writer.close()

    async def _answer(self, event: Event) -> None:
        try:
            await self._handle(event)
        except KalakanError as error:
            await self._fail(api_error(error))
        except ApiError as error:
            await self._fail(error)

    async def _fail(self, error: ApiError) -> None:
        self._options = None
        await self._send(Error(error.detail, error.code).event())

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self._send(info(self._service).event())
        elif Ping.is_type(event.type):
            await self._send(Pong(text=Ping.from_event(event).text).event())
        elif Synthesize.is_type(event.type):
            if self._options is None:  # otherwise the client repeats text that it has already sent in pieces
                request = Synthesize.from_event(event)
                self._start(request.voice, request.text_format)
                self._incoming.add(request.text)
                await self._speak(is_last=True)
                await self._stop()
        elif SynthesizeStart.is_type(event.type):
            start = SynthesizeStart.from_event(event)
            self._start(start.voice, start.text_format)
        elif self._options is None:
            pass  # an unknown event, or one after an error
        elif SynthesizeChunk.is_type(event.type):
            self._incoming.add(SynthesizeChunk.from_event(event).text)
            await self._speak(is_last=False)
        elif SynthesizeStop.is_type(event.type):
            await self._speak(is_last=True)
            await self._stop()
            await self._send(SynthesizeStopped().event())

    def _start(self, voice: SynthesizeVoice | None, text_format: Any) -> None:
        is_ssml = text_format == "ssml"
        self._options = SpeakOptions(speaker=self._speaker(voice), ssml=is_ssml)
        limits = self._service.settings
        self._incoming = Incoming(
            limits.max_characters if is_ssml else limits.max_stream_characters, is_ssml=is_ssml
        )
        self._samples = 0
        self._refused = None
        with self._service.admitted():  # after the start, a client waits for its turn
            pass

    def _speaker(self, voice: SynthesizeVoice | None) -> str | None:
        """The speaker of a request; for an unknown name, raises `ApiError` with the valid names."""
        named = (
            []
            if voice is None
            else [name for name in (voice.speaker, voice.name) if name not in (None, NAME)]
        )
        if not named:
            return None
        self._service.check_speaker(str(named[0]), "voice")
        return named[0]

    async def _speak(self, is_last: bool) -> None:
        options = self._options
        assert options is not None, "a request has begun"
        for text in self._incoming.complete(is_last):
            usage = self._service.usage(text)
            usage.is_heard = self._samples > 0
            try:
                with self._service.admitted(is_begun=True):
                    async with aclosing(
                        self._service.items(self._pieces(text, options, usage), usage)
                    ) as pieces:
                        async for piece in pieces:
                            with self._service.waiting_for_client():
                                await self._play(piece)
            except TextError as error:  # a sentence of marks and signs has no sound, but the next one may
                self._refused = error

    def _pieces(self, text: str, options: SpeakOptions, usage: Usage) -> Iterator[bytes]:
        with self._service.synthesizer.stream(text, options) as stream:
            for piece in stream:
                usage.samples += len(piece)
                yield pcm([np.asarray(piece)])

    async def _play(self, content: bytes) -> None:
        rate = self._service.synthesizer.sample_rate
        if not self._samples:
            await self._send(AudioStart(rate, _WIDTH, 1).event())
        await self._send(AudioChunk(rate, _WIDTH, 1, content, self._samples * 1000 // rate).event())
        self._samples += len(content) // _WIDTH

    async def _stop(self) -> None:
        self._options = None
        if not self._samples:
            raise self._refused or TextError("the text is empty; give words or numbers to speak")
        await self._send(AudioStop(self._samples * 1000 // self._service.synthesizer.sample_rate).event())

    async def _send(self, event: Event) -> None:
        await async_write_event(event, self._writer)


def info(service: Service) -> Info:
    """The server's description: one voice per speaker; speakers can also be selected as speakers of one voice."""
    speakers = [TtsVoiceSpeaker(name) for name in service.speakers]

    def voice(name: str, own: list[TtsVoiceSpeaker] | None) -> TtsVoice:
        return TtsVoice(
            name=name,
            attribution=_ATTRIBUTION,
            installed=True,
            description=f"{name} (Twi)",
            version=_rust.__version__,
            languages=["tw", "ak"],
            speakers=own,
        )

    program = TtsProgram(
        name=NAME,
        attribution=_ATTRIBUTION,
        installed=True,
        description="Text-to-speech for Twi (Akan)",
        version=_rust.__version__,
        voices=[voice(NAME, speakers), *(voice(name, None) for name in service.speakers)],
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])


def serve_wyoming(service: Service, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serves on a listening socket until SIGTERM or Ctrl-C, and then ends after the chunks in progress."""
    asyncio.run(_serve(service, listener, ready))


async def _serve(service: Service, listener: socket.socket, ready: Callable[[], None]) -> None:
    connections: set[asyncio.Task[Any]] = set()
    stopping = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs this in a task"
        connections.add(task)
        try:
            await Connection(service, reader, writer).run()
        finally:
            connections.discard(task)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopping.set)
    server = await asyncio.start_server(connected, sock=listener)
    ready()
    await stopping.wait()
    server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
