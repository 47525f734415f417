"""Shared parts of the endpoints."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from kalakan.api.errors import ApiError
from kalakan.api.schemas import ErrorAnswer
from kalakan.api.service import Service
from kalakan.synthesis.options import SpeakOptions


def _service(connection: HTTPConnection) -> Service:
    service = connection.app.state.service
    assert isinstance(service, Service), "the application has started"
    return service


Served = Annotated[Service, Depends(_service)]
"""Endpoint parameter: the service."""
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": description}
    for status, description in (
        (400, "The request cannot be followed"),
        (401, "The key is missing or wrong"),
        (408, "The deadline has passed"),
        (413, "The text or the body is too long"),
        (429, "The server is full; Retry-After says when to try again"),
    )
}
"""Responses of every endpoint that takes text."""


def check_length(text: str, most: int, way_out: str) -> None:
    """Raises `ApiError` 413 for a text that is too long."""
    if len(text) > most:
        message = f"the text has {len(text)} characters; the limit is {most}; {way_out}"
        raise ApiError(413, message, code="text_too_long")


def check_speaker(service: Service, options: SpeakOptions, param: str) -> None:
    """Raises `ApiError` for an unknown voice, listing the valid ones, and for an invalid mix."""
    if options.speaker is not None:
        service.check_speaker(options.speaker, param)
