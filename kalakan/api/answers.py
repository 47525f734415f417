"""Audio responses: whole files, streams, server-sent events, and JSON objects with times and subtitles."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import numpy as np
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from kalakan.api.disconnect import unless_left
from kalakan.api.encoding import REPEATABLE, Output
from kalakan.api.service import Service
from kalakan.api.timings import sentence_objects
from kalakan.api.usage import Usage
from kalakan.api.validators import etag
from kalakan.synthesis.options import SpeakOptions
from kalakan.synthesis.subtitles import format_subtitles
from kalakan.synthesis.timing import Sentence, Timing

Sending = Callable[[Send], Coroutine[Any, Any, None]]
SPEECH_PATH = "/v1/audio/speech"
"""Path of the speech endpoint; cached audio is below it."""


class Answer(Response):
    """A response that is generated while it is sent. It occupies a place of the service and stops when the client
    disconnects. Raises `ApiError` 429 if there is no free place, and `ClientLeft`."""

    def __init__(self, service: Service, usage: Usage, sending: Sending, text: str = "") -> None:
        super().__init__()
        self._service = service
        self._usage = usage
        self._sending = sending
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Generates and sends the response."""

        async def sending(message: Message) -> None:
            with self._service.waiting_for_client():
                await send(message)

        try:
            with self._service.admitted():
                await unless_left(receive, self._sending(sending))
        finally:
            line = self._usage.line()
            if self._service.settings.logs_text:
                line["text"] = self._text
            scope.setdefault("state", {})["log"] = line


def streamed(
    service: Service, text: str, options: SpeakOptions, output: Output, headers: Mapping[str, str]
) -> Answer:
    """Audio that is streamed during synthesis."""
    usage = service.usage(text)

    def given() -> dict[str, str]:
        return {**headers, **audio_headers(output), **location(usage.key, output)}

    async def send_all(send: Send) -> None:
        pieces = service.streamed(text, options, output, usage)
        await _send_stream(service, pieces, usage, send, given)

    return Answer(service, usage, send_all, text)


def events(
    service: Service, text: str, options: SpeakOptions, output: Output, headers: Mapping[str, str]
) -> Answer:
    """The same as OpenAI's server-sent events: `speech.audio.delta` with base64 audio, then `speech.audio.done`.

    Its usage counts characters as input and frames of the mel spectrogram as output: there are no tokens.
    """
    usage = service.usage(text)
    vocoder = service.synthesizer.stages.vocoder

    def lines() -> Iterator[bytes]:
        for piece in service.streamed(text, options, output, usage):
            audio = base64.b64encode(piece).decode()
            yield _event({"type": "speech.audio.delta", "audio": audio}) if piece else b""
        frames = usage.samples // vocoder.hop_length
        tokens = {"input_tokens": len(text), "output_tokens": frames, "total_tokens": len(text) + frames}
        yield _event({"type": "speech.audio.done", "usage": tokens})

    def given() -> dict[str, str]:
        return {**headers, "Content-Type": "text/event-stream; charset=utf-8"}

    async def send_all(send: Send) -> None:
        await _send_stream(service, lines(), usage, send, given)

    return Answer(service, usage, send_all, text)


def whole(
    service: Service, text: str, options: SpeakOptions, output: Output, headers: Mapping[str, str]
) -> Answer:
    """Audio as a file with a Content-Length, an ETag, and the address of the cached audio."""

    usage = service.usage(text)

    def steps() -> Iterator[Any]:
        for found in service.whole(text, options, usage):
            if found is None:
                yield None
                continue
            key, audio = found
            for content in service.file_steps(audio, output):
                yield None if content is None else (key, content)

    async def send_all(send: Send) -> None:
        key, content = await service.result(steps(), usage)
        given = {**headers, **audio_headers(output), **location(key, output)}
        if output.name in REPEATABLE:
            given["ETag"] = etag(content)
        await _send(Response(content, headers=given), send)

    return Answer(service, usage, send_all, text)


def described(
    service: Service,
    text: str,
    options: SpeakOptions,
    output: Output | None,
    headers: Mapping[str, str],
) -> Answer:
    """A JSON object of times, subtitles and normalized text, with audio in base64 if there is an `output`."""

    usage = service.usage(text)

    async def send_all(send: Send) -> None:
        steps = description(service, text, options, output, usage)
        found = await service.result(steps, usage)
        await _send(Response(found, headers=headers, media_type="application/json"), send)

    return Answer(service, usage, send_all, text)


def description(
    service: Service, text: str, options: SpeakOptions, output: Output | None, usage: Usage, **more: Any
) -> Iterator[bytes | None]:
    """The object of `described` as JSON, with the members `more` before its own; yields None before it as a place to
    stop."""
    pieces, sentences = [], list[Sentence]()
    with service.synthesizer.stream(text, options, by_sentence=True) as stream:
        for chunk in stream.chunks():
            pieces.append(np.asarray(chunk.audio))
            sentences += chunk.sentences
            yield None
    rate = service.synthesizer.sample_rate
    timing = Timing(rate, tuple(sentences))
    audio = np.concatenate(pieces)
    found = sentence_objects(sentences, text, rate)
    usage.samples = len(audio)
    content: dict[str, Any] = {
        **more,
        "seconds": round(len(audio) / rate, 6),
        "normalized": " ".join(filter(None, (sentence["normalized"] for sentence in found))),
        "sentences": found,
        "srt": format_subtitles(timing, text, "srt"),
        "vtt": format_subtitles(timing, text, "vtt"),
    }
    if output is not None:
        for file in service.file_steps(audio, output):
            if file is None:
                yield None
            else:
                content["audio"] = base64.b64encode(file).decode()
        content["format"] = output.name
        content["media_type"] = output.media_type
        content["sample_rate"] = output.coding.rate
    yield json.dumps(content).encode()


def audio_headers(output: Output) -> dict[str, str]:
    """Headers of audio. The file name never comes from a client."""
    return {
        "Content-Type": output.media_type,
        "Content-Disposition": f'inline; filename="speech.{output.name}"',
        "Kalakan-Sample-Rate": str(output.coding.rate),
    }


def location(key: str | None, output: Output) -> dict[str, str]:
    """The address of cached audio with a key; for a stream, valid once all of it has been sent. Empty without a key."""
    return (
        {} if key is None else {"Content-Location": f"{SPEECH_PATH}/{key}.{output.coding.rate}.{output.name}"}
    )


async def _send_stream(
    service: Service,
    pieces: Iterator[bytes],
    usage: Usage,
    send: Send,
    headers: Callable[[], Mapping[str, str]],
) -> None:
    """Sends chunks as they arrive; an error before the first one can still become an error response. The headers are
    requested when the first chunk is ready."""
    has_begun = False
    async with aclosing(service.items(pieces, usage)) as items:
        async for piece in _filled(items):
            if not has_begun:
                # makes nginx forward every chunk immediately
                given = {**headers(), "X-Accel-Buffering": "no"}
                raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()]
                await send({"type": "http.response.start", "status": 200, "headers": raw})
                has_begun = True
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _filled(items: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for item in items:
        if item:
            yield item


async def _send(response: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


def _event(content: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()
