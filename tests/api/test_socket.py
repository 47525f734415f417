"""`/ws`: text in as it is written, audio out as it is synthesized."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from kalakan import Synthesizer
from kalakan.api import incoming
from kalakan.api.errors import ApiError, refuse
from kalakan.api.incoming import Incoming
from kalakan.text.sentences import Sentence, split_sentences

Serve = Callable[..., TestClient]


def until_done(socket: Any) -> tuple[list[dict[str, Any]], bytes]:
    """The messages up to `done` or `error`, and the audio between them."""
    messages: list[dict[str, Any]] = []
    audio = b""
    while not messages or messages[-1]["type"] not in ("done", "error"):
        received = socket.receive()
        if received.get("text") is not None:
            messages.append(json.loads(received["text"]))
        else:
            audio += received["bytes"]
    return messages, audio


def said(client: TestClient, *messages: dict[str, Any]) -> tuple[list[dict[str, Any]], bytes]:
    with client.websocket_connect("/ws") as socket:
        for message in messages:
            socket.send_json(message)
        return until_done(socket)


START = {"type": "start", "format": "pcm"}
END = {"type": "end"}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_pieces_of_text_become_sentences_with_times(client: TestClient, streaming_voice: Path) -> None:
    pieces = [text("Maakye. Wo ho"), text(" te sɛn? Me wɔ GHS"), text(" 5."), END]
    messages, audio = said(client, START | {"speaker": "kwame"}, *pieces)
    assert messages[0] == {"type": "audio_start", "sample_rate": 8000, "channels": 1, "format": "pcm_s16le"}
    sentences = messages[1:-1]
    assert [item["text"] for item in sentences] == ["Maakye.", "Wo ho te sɛn?", "Me wɔ GHS 5."]
    assert [item["normalized"] for item in sentences] == ["maakye.", "wo ho te sɛn?", "me wɔ sidi num."]
    assert [word["text"] for word in sentences[1]["words"]] == ["Wo", "ho", "te", "sɛn?"]
    ends = [0.0, *(item["end"] for item in sentences)]
    assert [item["start"] for item in sentences] == pytest.approx(ends[:-1], abs=1e-6)
    assert messages[-1]["seconds"] == pytest.approx(len(audio) / 2 / 8000)
    assert ends[-1] == pytest.approx(messages[-1]["seconds"])
    synthesizer = Synthesizer(streaming_voice)
    expected = np.concatenate([synthesizer.synthesize(item["text"], speaker="kwame") for item in sentences])
    assert np.frombuffer(audio, "<i2") / 32768 == pytest.approx(expected, abs=1e-3)


def test_sentences_come_before_the_text_ends(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_json(START)
        socket.send_json(text("Maakye. Wo"))
        assert socket.receive_json()["type"] == "audio_start"
        assert socket.receive_json()["text"] == "Maakye."
        while "bytes" not in (received := socket.receive()) or received["bytes"] is None:
            pass
        socket.send_json({"type": "flush"})
        rest = []
        while not rest:
            received = socket.receive()
            if received.get("text"):
                rest.append(json.loads(received["text"])["text"])
        assert rest == ["Wo"]
        socket.send_json(END)
        assert until_done(socket)[0][-1]["type"] == "done"


def test_pauses_stand_between_sentences_and_the_lead_in_before_the_first(client: TestClient) -> None:
    messages, _ = said(client, START | {"sentence_pause": 0.5, "lead_in": 0.25}, text("Aane. Daabi."), END)
    plain, _ = said(client, START, text("Aane. Daabi."), END)
    assert messages[-1]["seconds"] == pytest.approx(plain[-1]["seconds"] + 0.75, abs=0.01)


def test_ssml_is_read_as_a_whole(client: TestClient) -> None:
    messages, _ = said(client, START | {"ssml": True}, text("<speak>Maakye. "), text("Da yie.</speak>"), END)
    assert [item["text"] for item in messages[1:-1]] == ["Maakye.", "Da yie."]


def test_cancel_ends_a_long_text_at_once_and_the_connection_serves_on(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_json(START)
        socket.send_json(text("Maakye, wo ho te sɛn? " * 2000))
        socket.receive()
        socket.send_json({"type": "cancel"})
        messages, _ = until_done(socket)
        assert messages[-1]["cancelled"] is True
        assert len([item for item in messages if item["type"] == "sentence"]) < 2000
        socket.send_json({"type": "cancel"})  # again: it is over already
        socket.send_json(START)
        socket.send_json(text("Da yie."))
        socket.send_json(END)
        messages, audio = until_done(socket)
        assert messages[-1]["type"] == "done"
        assert audio


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "invalid_value"),
        ({"type": "sing"}, "invalid_value"),
        ({"type": ["start"]}, "invalid_value"),
        (START | {"speaker": "nobody"}, "voice_not_found"),
        (START | {"speed": 9}, "invalid_value"),
        (START | {"format": "mp3"}, "invalid_value"),
        (START | {"path": "/tmp"}, "unknown_field"),
        ({"type": "text"}, "missing_field"),
        (text("Maakye"), "not_started"),
        (END, "not_started"),
        ([], "invalid_value"),
    ],
)
def test_errors_have_the_form_of_the_others_and_the_connection_stays(
    client: TestClient, message: Any, code: str
) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_json(message)
        error = socket.receive_json()
        assert error["type"] == "error"
        assert error["error"]["code"] == code
        socket.send_json(START)
        assert socket.receive_json()["type"] == "audio_start"


@pytest.mark.parametrize("content", ["x", "[" * 50_000, '"start"'])
def test_what_is_no_message(client: TestClient, content: str) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_text(content)
        assert socket.receive_json()["type"] == "error"
        socket.send_bytes(b"start")
        assert socket.receive_json()["error"]["code"] == "invalid_json"


def test_a_second_start_is_an_error(client: TestClient) -> None:
    messages, _ = said(client, START, START)
    assert messages[-1]["error"]["code"] == "started"


def test_text_without_a_sound_is_an_error_only_where_there_is_no_other(client: TestClient) -> None:
    messages, _ = said(client, START, text("…"), END)
    assert messages[-1]["error"]["code"] == "invalid_value"
    messages, audio = said(client, START, text("…"), {"type": "flush"}, text("Maakye."), END)
    assert messages[-1]["type"] == "done"
    assert audio


def test_too_much_text_is_an_error(serve: Serve) -> None:
    client = serve(max_stream_characters=20)
    messages, _ = said(client, START, text("a" * 15), text("b" * 15), END)
    assert messages[-1]["error"]["code"] == "text_too_long"


def test_pages_of_other_sites_are_refused(serve: Serve) -> None:
    client = serve(cors_origins=("https://friend.test",))
    for origin in ("http://testserver", "https://friend.test"):
        with client.websocket_connect("/ws", headers={"Origin": origin}) as socket:
            socket.send_json(START)
            assert socket.receive_json()["type"] == "audio_start"
    refused = denied(client, headers={"Origin": "http://evil.test"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert refused.headers["x-content-type-options"] == "nosniff"


def denied(client: TestClient, **named: Any) -> Any:
    """The response to a handshake that is refused."""
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/ws", **named):
        pass
    return caught.value


def test_a_full_server_says_so_in_its_answer_to_the_handshake(serve: Serve) -> None:
    client = serve(max_requests=1)
    with client.websocket_connect("/ws") as socket:
        socket.send_json(START)
        assert socket.receive_json()["type"] == "audio_start"
        refused = denied(client)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "server_busy")
    assert int(refused.headers["retry-after"]) >= 1
    messages, _ = said(client, START, text("Aane"), END)
    assert messages[-1]["type"] == "done"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 101), ({"Origin": "http://evil.test"}, 403), ({"Authorization": "Bearer x"}, 401)],
)
def test_every_handshake_has_its_status_in_log_and_metrics(
    serve: Serve, caplog: pytest.LogCaptureFixture, headers: dict[str, str], status: int
) -> None:
    caplog.set_level(logging.INFO, "kalakan.api")
    client = serve(api_keys=("secret",), rate_limit=0)
    with suppress(WebSocketDenialResponse), client.websocket_connect("/ws", headers=headers):
        pass
    lines = [json.loads(record.message) for record in caplog.records if record.name == "kalakan.api"]
    assert [line["status"] for line in lines] == [status]
    metrics = client.get("/metrics", headers={"Authorization": "Bearer secret"}).text
    assert re.search(rf'kalakan_requests_total{{route="[^"]+",status="{status}"}}', metrics)


def test_a_server_that_can_only_close_refuses_too() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(refuse(ApiError(403, "no"), {"type": "websocket"}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_who_has_no_key_keeps_no_place(serve: Serve) -> None:
    client = serve(api_keys=("secret",), max_requests=1, deadline_s=0.2)
    with client.websocket_connect("/ws") as socket:
        socket.send_json(START | {"api_key": "wrong"})
        assert socket.receive_json()["error"]["code"] == "invalid_api_key"
        message = socket.receive_json()["error"]
        assert (message["param"], message["code"]) == ("api_key", "invalid_api_key")
        assert socket.receive()["type"] == "websocket.close"
    with client.websocket_connect("/ws") as socket:
        socket.send_json(START | {"api_key": "secret"})
        assert socket.receive_json()["type"] == "audio_start"
        socket.send_json(END)
        until_done(socket)
        time.sleep(0.3)  # past the deadline, with a key
        socket.send_json(START | {"api_key": "secret"})
        assert socket.receive_json()["type"] == "audio_start"


@pytest.mark.parametrize("piece", ["a ", "1."])
def test_many_small_pieces_take_linear_time(monkeypatch: pytest.MonkeyPatch, piece: str) -> None:
    searched = 0

    def counting(text: str) -> list[Sentence]:
        nonlocal searched
        searched += len(text)
        return split_sentences(text)

    monkeypatch.setattr(incoming, "split_sentences", counting)
    pieces = Incoming(200_000)
    for _ in range(50_000):
        pieces.add(piece)
        assert pieces.complete(False) == []
    assert searched < 40 * 50_000 * len(piece)
    for _ in range(20):  # what follows is found as soon as what is long has ended
        pieces.add("Mo! Ɛyɛ. ")
    pieces.add("a" * 10_000)
    found = pieces.complete(False)
    assert len(found) == 40
    assert pieces.complete(True) == ["a" * 10_000]


def test_a_key_comes_with_the_header_or_the_start(serve: Serve) -> None:
    client = serve(api_keys=("secret",))
    messages, _ = said(client, START, END)
    assert messages[-1]["error"]["code"] == "invalid_api_key"
    messages, _ = said(client, START | {"api_key": "secret"}, text("Aane"), END)
    assert messages[-1]["type"] == "done"
    with client.websocket_connect("/ws", headers={"Authorization": "Bearer secret"}) as socket:
        socket.send_json(START)
        assert socket.receive_json()["type"] == "audio_start"
