"""Text in, audio out: Kalakan's endpoint and the one for OpenAI's clients."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from kalakan.api import answers
from kalakan.api.encoding import MEDIA_TYPES, OPEN_ENDED, STREAMED, Output
from kalakan.api.errors import ApiError
from kalakan.api.routes.state import ERRORS, Served, check_length, check_speaker
from kalakan.api.schemas import (
    AnswerFields,
    SpeechRequest,
    SynthesizeRequest,
    TimestampsRequest,
    VoiceId,
    speak_options,
)
from kalakan.api.service import Service
from kalakan.synthesis.options import SpeakOptions, within

router = APIRouter()
_AUDIO: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Audio, events with audio, or an object with audio, times and subtitles",
        "content": {kind: {} for kind in (*MEDIA_TYPES.values(), "application/json", "text/event-stream")},
    }
}


@router.post("/synthesize", response_class=Response, responses={**ERRORS, **_AUDIO})
async def synthesize(body: SynthesizeRequest, service: Served) -> Response:
    """Audio of a text; a complete WAV file by default."""
    options = speak_options(body)
    check_speaker(service, options, "speaker")
    return _answer(service, body.text, options, body, body.format, {}, bool(body.stream))


@router.post("/v1/audio/speech", response_class=Response, responses={**ERRORS, **_AUDIO})
async def speech(body: SpeechRequest, service: Served) -> Response:
    """Audio of a text, for OpenAI's clients."""
    voice = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    speed = within("speed", body.speed)
    options = speak_options(body, speed=speed, speaker=None if voice is None else service.speaker(voice))
    check_speaker(service, options, "voice")
    notices = []
    if body.instructions is not None:
        notices.append("instructions are ignored")
    if speed != body.speed:
        notices.append(f"speed {body.speed:g} is {speed:g}")
    headers = {"Kalakan-Notice": "; ".join(notices)} if notices else {}
    name = body.response_format
    if body.stream_format == "sse":
        if name not in STREAMED or body.answer == "json" or body.stream is False:
            message = "stream_format is 'sse'; it goes neither with aac nor with json nor with stream: false"
            raise ApiError(400, message, param="stream_format", code="invalid_value")
        check_length(body.input, service.settings.max_stream_characters, "send it in parts")
        output = Output(name, service.synthesizer.sample_rate, body.sample_rate)
        return answers.events(service, body.input, options, output, headers)
    is_streamed = name in OPEN_ENDED if body.stream is None else body.stream
    return _answer(service, body.input, options, body, name, headers, is_streamed)


@router.post("/v1/timestamps", response_class=Response, responses=ERRORS)
async def timestamps(body: TimestampsRequest, service: Served) -> Response:
    """The times of each sentence and word of a text, and its subtitles, without the audio."""
    options = speak_options(body)
    check_speaker(service, options, "speaker")
    check_length(body.text, service.settings.max_characters, "send it in parts")
    return answers.described(service, body.text, options, None, {})


def _answer(
    service: Service,
    text: str,
    options: SpeakOptions,
    body: AnswerFields,
    name: str,
    headers: dict[str, str],
    is_streamed: bool,
) -> Response:
    output = Output(name, service.synthesizer.sample_rate, body.sample_rate)
    if is_streamed and body.answer == "audio":
        if name not in STREAMED:
            raise ApiError(
                400, f"{name} cannot be streamed; leave out stream", param="stream", code="invalid_value"
            )
        check_length(text, service.settings.max_stream_characters, "send it in parts")
        return answers.streamed(service, text, options, output, headers)
    check_length(text, service.settings.max_characters, "send it in parts, or ask for a stream")
    if body.answer == "json":
        return answers.described(service, text, options, output, headers)
    return answers.whole(service, text, options, output, headers)
