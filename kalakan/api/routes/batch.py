"""Many texts in one request, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError
from starlette.responses import Response
from starlette.types import Send

from kalakan.api.answers import Answer, description
from kalakan.api.encoding import Output
from kalakan.api.errors import ApiError, api_error, validation_error
from kalakan.api.routes.state import ERRORS, Served, check_length, check_speaker
from kalakan.api.schemas import Format, SampleRate, SpeakFields, speak_options
from kalakan.api.service import Service
from kalakan.api.usage import Usage
from kalakan.errors import KalakanError

router = APIRouter()
MEDIA_TYPE = "application/x-ndjson"


class Row(SpeakFields):
    """One line of a batch."""

    text: str = Field(description="Text, or an SSML document with ssml")
    id: str | int | None = Field(None, description="Comes back with the answer")
    format: Format = Field("wav", description="Format of the audio")
    sample_rate: SampleRate = None


@router.post(
    "/v1/batch",
    response_class=Response,
    responses=ERRORS | {200: {"description": "A line for each text", "content": {MEDIA_TYPE: {}}}},
    openapi_extra={
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
    },
)
async def batch(request: Request, service: Served) -> Response:
    """Takes lines of JSON, each a text with settings, and returns lines of JSON in order, each as soon as it is ready.

    A result has `index`, `id` and the members of a JSON response, or `error`; an error affects only its own text.
    """
    lines = [line for line in (await request.body()).split(b"\n") if line.strip()]
    most = service.settings.max_rows
    if not lines:
        raise ApiError(400, "the batch is empty; send one JSON object on each line", code="invalid_json")
    if len(lines) > most:
        message = f"the batch has {len(lines)} rows; the limit is {most}; send it in parts"
        raise ApiError(413, message, code="too_many_rows")
    usage = service.usage()

    async def send_all(send: Send) -> None:
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for answer in _answers(service, lines, usage):
            await send({"type": "http.response.body", "body": answer + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return Answer(service, usage, send_all)


async def _answers(service: Service, lines: list[bytes], usage: Usage) -> AsyncIterator[bytes]:
    for index, line in enumerate(lines):
        name: Any = None
        try:
            row = _row(line)
            name = row.id
            yield await _answer(service, index, row, usage)
        except KalakanError as error:
            yield _failure(index, name, api_error(error))
        except ApiError as error:
            yield _failure(index, name, error)


def _row(line: bytes) -> Row:
    """The row of a line; raises `ApiError` for one that cannot be read."""
    try:
        return Row.model_validate(json.loads(line))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise validation_error([{**item, "loc": ("body", *item["loc"])} for item in found]) from error
    except (ValueError, RecursionError) as error:
        raise ApiError(
            400, "the line is not JSON; write one object on each line", code="invalid_json"
        ) from error


async def _answer(service: Service, index: int, row: Row, total: Usage) -> bytes:
    options = speak_options(row)
    check_speaker(service, options, "speaker")
    check_length(row.text, service.settings.max_characters, "send it in parts")
    output = Output(row.format, service.synthesizer.sample_rate, row.sample_rate)
    usage = service.usage(row.text)
    steps = description(service, row.text, options, output, usage, index=index, id=row.id)
    answer: bytes = await service.result(steps, usage, priority="low")
    total.characters += usage.characters
    total.samples += usage.samples
    total.work_s += usage.work_s
    return answer


def _failure(index: int, name: Any, error: ApiError) -> bytes:
    return json.dumps({"index": index, "id": name, **error.body()}).encode()
