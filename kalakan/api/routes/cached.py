"""Serves cached audio again, with ranges and validators, for players and proxies."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from kalakan.api.answers import SPEECH_PATH, audio_headers
from kalakan.api.encoding import MEDIA_TYPES, REPEATABLE, Output
from kalakan.api.errors import ApiError
from kalakan.api.routes.state import ERRORS, Served
from kalakan.api.service import Service
from kalakan.api.validators import etag, is_known

router = APIRouter()
_NAME = re.compile(rf"([0-9a-f]{{64}})\.(\d{{4,6}})\.({'|'.join(MEDIA_TYPES)})")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_RESPONSES = {
    200: {"description": "The audio", "content": {kind: {} for kind in MEDIA_TYPES.values()}},
    206: {"description": "The part of it that Range names"},
    304: {"description": "The audio is the one that If-None-Match names"},
    404: ERRORS[400] | {"description": "It is not in the cache, or not any more"},
    416: ERRORS[400] | {"description": "Range lies outside the audio"},
}


@router.get(SPEECH_PATH + "/{name}", response_class=Response, responses=ERRORS | _RESPONSES)  # type: ignore[arg-type]
async def cached(name: str, request: Request, service: Served) -> Response:
    """The audio at the Content-Location of an earlier response."""
    content, output = await _found(name, service)
    headers = audio_headers(output) | {"Cache-Control": "private, max-age=86400, immutable"}
    tag = etag(content) if output.name in REPEATABLE else None
    headers |= {"Accept-Ranges": "none"} if tag is None else {"Accept-Ranges": "bytes", "ETag": tag}
    if is_known(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if tag is None:  # parts of different encodings cannot be combined
        return Response(content, headers=headers)
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", tag) != tag:
        return Response(content, headers=headers)
    start, end = _span(asked[1], asked[2], len(content))
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
    return Response(content[start:end], status_code=206, headers=headers)


async def _found(name: str, service: Service) -> tuple[bytes, Output]:
    """The encoded audio of a name; raises `ApiError` 404."""
    parts = _NAME.fullmatch(name)
    audio = None
    if parts is not None and service.keeps:
        audio = await service.call(lambda: service.cached.found(parts[1]))
    if parts is None or audio is None:
        message = "this audio is not in the cache, or not any more; synthesize it again"
        raise ApiError(404, message, code="not_in_cache")
    output = Output(parts[3], service.synthesizer.sample_rate, int(parts[2]))
    return await service.file(audio, output), output


def _span(first: str, last: str, length: int) -> tuple[int, int]:
    """First byte of a range, and the one after the last; raises `ApiError` 416 outside of the audio."""
    if first:
        start, end = int(first), min(int(last) + 1 if last else length, length)
    else:
        start, end = max(0, length - int(last or 0)), length
    if start >= end:
        message = f"the range lies outside of the {length} bytes of this audio"
        raise ApiError(
            416, message, code="range_not_satisfiable", headers={"Content-Range": f"bytes */{length}"}
        )
    return start, end
