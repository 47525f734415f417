"""Bodies that nobody thought of: every one has an answer below 500, and one error costs no other request."""

from __future__ import annotations

import json
import os
from typing import Any

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from examples import examples
from kalakan.synthesis.options import CONTROLS

FIELDS = (
    *("text", "input", "model", "voice", "response_format", "format", "stream", "stream_format", "answer"),
    *("sample_rate", "instructions", "variety", "chat", "tone", "write_tones", "clock_to_hour", "id", "type"),
    *CONTROLS,
)
GOOD: dict[str, list[Any]] = {
    "text": ["Maakye", "<speak>Aane</speak>", "GHS 5"],
    "input": ["Maakye", "<speak>Aane</speak>", "1/0"],
    "voice": ["akosua", {"id": "kwame"}, "alloy"],
    "response_format": ["wav", "mp3", "opus", "flac", "pcm"],
    "format": ["wav", "pcm"],
    "stream_format": ["audio", "sse"],
    "answer": ["audio", "json"],
    "sample_rate": [8000, 24000],
    "speaker": ["akosua", None],
    "tones": ["written", None],
    "speed": [1, 0.5, 4],
}
PATHS = ("/v1/audio/speech", "/synthesize", "/v1/timestamps", "/normalize", "/phonemize", "/v1/batch")
scalars = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(max_size=30)
    | some.sampled_from(["\ud800", "\x00", "../../etc/passwd", "1e999", "…"])
)
anything = some.recursive(
    scalars,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@some.composite
def bodies(draw: some.DrawFn) -> bytes:
    """JSON that nearly fits, JSON of any form, or bytes."""
    kind = draw(some.integers(0, 9))
    if kind == 0:
        return draw(some.binary(max_size=50))
    if kind == 1:
        return json.dumps(draw(anything)).encode()
    names = draw(some.sets(some.sampled_from(FIELDS), max_size=5)) | {
        draw(some.sampled_from(["text", "input"]))
    }
    fitting = {name: draw(some.sampled_from(GOOD[name])) if name in GOOD else draw(scalars) for name in names}
    if kind > 4:
        fitting[draw(some.sampled_from(FIELDS))] = draw(anything)
    content = json.dumps(fitting)
    return (content[: draw(some.integers(0, len(content)))] if kind == 2 else content).encode()


# One more example costs a few milliseconds; a large number of them is for once by hand.
@settings(
    max_examples=int(os.environ.get("KALAKAN_TEST_BODIES", "150")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(path=some.sampled_from(PATHS), body=bodies())
def test_every_body_has_an_answer(client: TestClient, path: str, body: bytes) -> None:
    kind = "application/x-ndjson" if path == "/v1/batch" else "application/json"
    answer = client.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400, 413), (path, body, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert len(answer.content) < 1000


@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(messages=some.lists(anything | some.sampled_from([{"type": "end"}, {"type": "cancel"}]), max_size=6))
def test_every_message_has_an_answer_and_the_connection_stays(
    client: TestClient, messages: list[Any]
) -> None:
    with client.websocket_connect("/ws") as socket:
        for message in messages:
            socket.send_text(json.dumps(message))
        socket.send_json({"type": "start"})
        received = socket.receive_json()
        while received["type"] == "error":
            received = socket.receive_json()
        assert received["type"] == "audio_start"


@given(name=some.text(max_size=90))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_of_cached_audio_is_a_path(client: TestClient, name: str) -> None:
    from urllib.parse import quote

    answer = client.get(f"/v1/audio/speech/{quote(name.encode('utf-8', 'replace'), safe='')}")
    assert answer.status_code in (404, 405)
