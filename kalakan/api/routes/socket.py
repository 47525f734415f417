"""`/ws`: text in as it is written, audio out as it is synthesized, with the times of its words.

The client sends JSON: `start` with the fields of `SpeakOptions`, `format` "pcm" and optionally `sample_rate` and
`api_key`; `text` any number of times; `flush` to synthesize all text so far; `end`; `cancel` at any time.
The server sends JSON: `audio_start`; before the audio of each sentence `sentence` with its text, normalized text, times
in seconds and words; `done` with the total seconds of audio (`cancelled` after `cancel`); `error`. Audio is binary:
16-bit little-endian mono PCM. A connection may have several starts, one after another, and ends with the client.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from fastapi import APIRouter, WebSocket
from pydantic import Field, ValidationError
from starlette.websockets import WebSocketDisconnect

from kalakan.api.encoding import Output
from kalakan.api.errors import ApiError, api_error, refuse, too_busy, validation_error
from kalakan.api.incoming import Incoming
from kalakan.api.keys import AUTHORIZED
from kalakan.api.routes.state import Served, check_length, check_speaker
from kalakan.api.schemas import Body, SampleRate, SpeakFields, speak_options
from kalakan.api.service import Service
from kalakan.api.timings import sentence_objects
from kalakan.api.usage import Usage
from kalakan.errors import KalakanError, TextError
from kalakan.synthesis.delivery import Chunk

router = APIRouter()
WAITING_MESSAGES = 64
"""Maximum number of waiting messages of a client before reading pauses."""


class Start(SpeakFields):
    """The message `start`."""

    type: Literal["start"]
    format: Literal["pcm"] = "pcm"
    sample_rate: SampleRate = None
    api_key: str | None = Field(None, description="Key, for clients that cannot send a header")


class Text(Body):
    """The message `text`."""

    type: Literal["text"]
    text: str


class Other(Body):
    """A message without fields."""

    type: Literal["flush", "end", "cancel"]


MESSAGES: dict[str, type[Start | Text | Other]] = {
    "start": Start,
    "text": Text,
    "flush": Other,
    "end": Other,
    "cancel": Other,
}


@router.websocket("/ws")
async def socket(websocket: WebSocket, service: Served) -> None:
    """See the module."""
    refused: ApiError | None = None
    if not _is_same_origin(websocket.headers, service.settings.cors_origins):
        message = "pages of this origin may not use the server; KALAKAN_CORS_ORIGINS names those that may"
        refused = ApiError(403, message, code="origin_not_allowed")
    elif service.sockets >= service.settings.max_requests:
        refused = too_busy("the server has as many WebSockets as it can hold")
    if refused is not None:
        await refuse(refused, websocket.scope, websocket.receive, websocket.send)
        return
    service.sockets += 1
    try:
        await websocket.accept()
        await _Session(websocket, service).run()
    finally:
        service.sockets -= 1


class _Session:
    """One connection."""

    def __init__(self, websocket: WebSocket, service: Service) -> None:
        self._websocket = websocket
        self._service = service
        self._utterance: _Utterance | None = None
        self._is_known = bool(websocket.scope.get(AUTHORIZED)) or not service.keys.are_needed
        self._until = asyncio.get_running_loop().time() + service.settings.deadline_s

    async def run(self) -> None:
        """Handles messages until the client disconnects."""
        try:
            while True:
                try:
                    await self._handle(await self._message())
                except ApiError as error:
                    await self._stop()
                    await _send(self._websocket, type="error", **error.body())
        except WebSocketDisconnect:
            pass
        finally:
            await self._stop()

    async def _message(self) -> Start | Text | Other:
        """The next message; raises `ApiError` for an unreadable one."""
        received = await self._received()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        content = received.get("text")
        if content is None:
            raise ApiError(400, "a client's messages are JSON; this one is binary", code="invalid_json")
        check_length(content, self._service.settings.max_body_bytes, "send it in parts")
        try:
            message = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ApiError(
                400, "the message is not JSON; send one JSON object", code="invalid_json"
            ) from error
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in MESSAGES:
            text = f"the message has no type that is known; use one of {', '.join(MESSAGES)}"
            raise ApiError(400, text, param="type", code="invalid_value")
        try:
            return MESSAGES[kind].model_validate(message)
        except ValidationError as error:
            found = error.errors(include_url=False)
            raise validation_error([{**item, "loc": ("body", *item["loc"])} for item in found]) from error

    async def _received(self) -> Any:
        """The next message of ASGI. A client without a valid key is disconnected at the deadline, because it takes the
        place of another one."""
        if self._is_known:
            return await self._websocket.receive()
        left = max(0.0, self._until - asyncio.get_running_loop().time())
        try:
            return await asyncio.wait_for(self._websocket.receive(), left)
        except asyncio.TimeoutError:
            seconds = self._service.settings.deadline_s
            message = f"there was no start with a valid API key within {seconds:g} s; connect again, and send it first"
            error = ApiError(401, message, param="api_key", code="invalid_api_key")
            await _send(self._websocket, type="error", **error.body())
            await self._websocket.close(1008)
            raise WebSocketDisconnect from None

    async def _handle(self, message: Start | Text | Other) -> None:
        if self._utterance is not None and self._utterance.has_ended:
            self._utterance = None
        if isinstance(message, Start):
            self._utterance = self._started(message)
        elif self._utterance is None:
            if message.type != "cancel":  # it may have ended before the message arrived
                raise ApiError(400, f"{message.type} came before start", param="type", code="not_started")
        elif message.type == "cancel":
            seconds = self._utterance.seconds
            await self._stop()
            await _send(self._websocket, type="done", seconds=seconds, cancelled=True)
        else:
            await self._utterance.messages.put(message)

    def _started(self, message: Start) -> _Utterance:
        if self._utterance is not None:
            raise ApiError(
                400, "start came before the end of the one before; send end or cancel", code="started"
            )
        service = self._service
        service.keys.check(message.api_key, is_authorized=bool(self._websocket.scope.get(AUTHORIZED)))
        self._is_known = True
        with service.admitted():  # after the start, a client waits for its turn
            options = speak_options(message)
            check_speaker(service, options, "speaker")
            output = Output("pcm", service.synthesizer.sample_rate, message.sample_rate)
            return _Utterance(self._websocket, service, options, output)

    async def _stop(self) -> None:
        if self._utterance is not None:
            await self._utterance.stop()
            self._utterance = None


class _Utterance:
    """A session from `start` to `done`: a separate task, so that a `cancel` can be received in the meantime."""

    def __init__(self, websocket: WebSocket, service: Service, options: Any, output: Output) -> None:
        self._websocket = websocket
        self._service = service
        self._options = options
        self._output = output
        self._encoder = output.encoder()
        self._rate = service.synthesizer.sample_rate
        limits = service.settings
        most = limits.max_characters if options.ssml else limits.max_stream_characters
        self._text = Incoming(most, is_ssml=options.ssml)
        self._samples = 0
        self.messages: asyncio.Queue[Text | Other] = asyncio.Queue(WAITING_MESSAGES)
        """Pending messages."""
        self._task = asyncio.ensure_future(self._run())

    @property
    def has_ended(self) -> bool:
        """Whether its last message has been sent."""
        return self._task.done()

    @property
    def seconds(self) -> float:
        """Seconds of audio so far."""
        return round(self._samples / self._rate, 6)

    async def stop(self) -> None:
        """Ends it after the chunk in progress."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        try:
            await self._follow()
        except KalakanError as error:
            await _send(self._websocket, type="error", **api_error(error).body())
        except ApiError as error:
            await _send(self._websocket, type="error", **error.body())
        except (WebSocketDisconnect, RuntimeError):
            if self._websocket.client_state.name == "CONNECTED" == self._websocket.application_state.name:
                raise
            # The client disconnected while audio was being sent.

    async def _follow(self) -> None:
        rate = self._output.coding.rate
        await _send(self._websocket, type="audio_start", sample_rate=rate, channels=1, format="pcm_s16le")
        refused: TextError | None = None
        while True:
            message = await self.messages.get()
            is_last = message.type in ("flush", "end")
            if isinstance(message, Text):
                self._text.add(message.text)
            for sentence in self._text.complete(is_last):
                try:
                    await self._speak(sentence)
                except TextError as error:  # a sentence of marks and signs has no sound, but the next one may
                    refused = error
            if message.type == "end":
                break
        if refused is not None and not self._samples:
            raise refused
        if self._samples and (rest := self._encoder.finish()):
            await self._websocket.send_bytes(rest)
        await _send(self._websocket, type="done", seconds=self.seconds)

    async def _speak(self, text: str) -> None:
        options = self._options
        if self._samples:
            await self._pause(options.sentence_pause)
            options = replace(options, lead_in=0.0)
        service, usage = self._service, self._service.usage(text)
        usage.is_heard = self._samples > 0
        with service.admitted(is_begun=True):
            async with aclosing(service.items(self._pieces(text, options, usage), usage)) as pieces:
                async for piece in pieces:
                    with service.waiting_for_client():
                        for sentence in piece.sentences:
                            await _send(self._websocket, type="sentence", **sentence)
                        if piece.content:
                            await self._websocket.send_bytes(piece.content)

    async def _pause(self, seconds: float) -> None:
        silence = np.zeros(round(seconds * self._rate), np.float32)
        if len(silence):
            self._samples += len(silence)
            await self._websocket.send_bytes(self._encoder.encode(silence))

    def _pieces(self, text: str, options: Any, usage: Usage) -> Iterator[_Piece]:
        """Runs in a worker: the chunks of one sentence."""
        start = self._samples / self._rate
        with self._service.synthesizer.stream(text, options) as stream:
            for chunk in stream.chunks():
                samples = np.asarray(chunk.audio)
                self._samples += len(samples)
                usage.samples += len(samples)
                yield _Piece(self._described(chunk, text, start), self._encoder.encode(samples))

    def _described(self, chunk: Chunk, text: str, start: float) -> list[dict[str, Any]]:
        if any(timing.durations is None for timing in chunk.begins):
            return []  # an attention model predicts no durations
        return sentence_objects(chunk.sentences, text, self._rate, start)


@dataclass(frozen=True)
class _Piece:
    """Audio, and the sentences that begin in it."""

    sentences: list[dict[str, Any]]
    content: bytes


async def _send(websocket: WebSocket, **content: Any) -> None:
    await websocket.send_text(json.dumps(content))


def _is_same_origin(headers: Mapping[str, str], allowed: tuple[str, ...]) -> bool:
    """Whether the client is a page of this server or of an allowed origin, or a program, which sends no origin."""
    origin = headers.get("origin")
    return origin is None or origin in allowed or urlsplit(origin).netloc == headers.get("host")
