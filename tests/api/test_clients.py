"""Clients that nobody here wrote: OpenAI's own."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
import soundfile
from fastapi.testclient import TestClient

Serve = Callable[..., TestClient]
WORDS = "Akwaaba! Wo ho te sɛn?"


@pytest.fixture
def official(client: TestClient) -> openai.OpenAI:
    """OpenAI's client with the test's server for its transport."""
    return openai.OpenAI(base_url="http://testserver/v1", api_key="x", max_retries=0, http_client=client)


def formats(client: TestClient) -> list[Any]:
    return list(client.get("/v1/audio/voices").json()["formats"])


def test_every_format_as_a_stream_and_at_once(
    official: openai.OpenAI, client: TestClient, tmp_path: Path
) -> None:
    given: Any = {"model": "tts-1", "voice": "akosua", "input": WORDS, "speed": 1.25}
    for name in formats(client):
        path = tmp_path / f"a.{name}"
        with official.audio.speech.with_streaming_response.create(response_format=name, **given) as answer:
            answer.stream_to_file(path)
        at_once = official.audio.speech.create(response_format=name, **given).content
        assert path.stat().st_size == len(at_once)
        if name != "opus":  # an Ogg stream has a number of its own
            assert path.read_bytes() == at_once
        if name not in ("aac", "pcm"):
            assert soundfile.info(io.BytesIO(at_once)).samplerate == 8000


def test_the_default_is_what_the_client_expects(official: openai.OpenAI) -> None:
    answer = official.audio.speech.create(model="tts-1", voice="alloy", input=WORDS)
    assert soundfile.info(io.BytesIO(answer.content)).format == "MP3"
    assert answer.response.headers["content-type"] == "audio/mpeg"


def test_models_are_listed(official: openai.OpenAI) -> None:
    assert [model.id for model in official.models.list()] == ["kalakan"]
    assert official.models.retrieve("kalakan").object == "model"


def test_errors_are_the_clients_own(official: openai.OpenAI, serve: Serve) -> None:
    with pytest.raises(openai.BadRequestError, match="choose one of akosua, kwame") as caught:
        official.audio.speech.create(model="tts-1", voice="nobody", input=WORDS)
    assert (caught.value.code, caught.value.param) == ("voice_not_found", "voice")
    assert caught.value.request_id
    locked = openai.OpenAI(
        base_url="http://testserver/v1", api_key="x", max_retries=0, http_client=serve(api_keys=("secret",))
    )
    with pytest.raises(openai.AuthenticationError):
        locked.models.list()
    assert locked.with_options(api_key="secret").models.list()


def test_a_full_server_is_tried_again(official: openai.OpenAI, client: TestClient) -> None:
    """The client waits as Retry-After says."""
    from httpx import Response

    from kalakan.api.errors import too_busy

    refused = too_busy("full")
    answers = [Response(429, headers=dict(refused.headers or {}), json=refused.body())]
    send = client.send
    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setattr(
            client, "send", lambda request, **named: _with(request, answers) or send(request, **named)
        )
        again = official.with_options(max_retries=1)
        assert again.audio.speech.create(model="m", voice="akosua", input="Aane").content
    assert not answers


def _with(request: Any, answers: list[Any]) -> Any:
    if not answers:
        return None
    answer = answers.pop()
    answer.request = request
    return answer


def test_the_asynchronous_client(client: TestClient) -> None:
    from httpx import ASGITransport, AsyncClient

    async def spoken() -> bytes:
        async with AsyncClient(transport=ASGITransport(client.app)) as transport:
            official = openai.AsyncOpenAI(base_url="http://testserver/v1", api_key="x", http_client=transport)
            answer = await official.audio.speech.create(
                model="tts-1", voice="kwame", input=WORDS, response_format="wav"
            )
            return await answer.aread()

    assert soundfile.info(io.BytesIO(asyncio.run(spoken()))).samplerate == 8000
