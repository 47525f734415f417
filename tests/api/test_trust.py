"""Keys, origins, headers, ids and the log; what a server says of itself, and what it does not."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from kalakan.api import keys
from kalakan.api.answers import Answer
from kalakan.api.page_files import page_files, page_routes

Serve = Callable[..., TestClient]
SAID = "Kofi Annan"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_needed_where_there_are_keys(serve: Serve) -> None:
    client = serve(api_keys=("one", "two"))
    body = {"text": "Maakye"}
    for headers in ({}, bearer("three"), bearer(""), bearer("one "[:-2]), {"Authorization": "Basic one"}):
        answer = client.post("/synthesize", json=body, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"
    for key in ("one", "two"):
        assert client.post("/synthesize", json=body, headers=bearer(key)).status_code == 200
    for path in ("/v1/models", "/v1/audio/voices", "/metrics"):
        assert client.get(path).status_code == 401
    for path in ("/health", "/ready"):
        assert client.get(path).status_code == 200


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    keys.Keys(["one", "two", "three"]).check("one")
    assert len(compared) == 3  # also after the one that is equal
    assert {len(item) for pair in compared for item in pair} == {32}


def test_a_key_has_its_requests_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(keys.time, "monotonic", lambda: now)
    limited = keys.Keys(["one", "two"], rate_limit=2)
    limited.check("one")
    limited.check("one")
    with pytest.raises(keys.ApiError) as caught:
        limited.check("one")
    assert caught.value.status_code == 429
    assert caught.value.headers == {"Retry-After": "31"}
    limited.check("two")
    now += 31
    limited.check("one")


def test_cors_is_off_and_one_setting_turns_it_on(serve: Serve) -> None:
    """rsxdalv/TTS-WebUI#591, maemreyo/omnivoice-server#24."""
    asked = {"Origin": "http://example.test", "Access-Control-Request-Method": "POST"}
    closed = serve().options("/v1/audio/speech", headers=asked)
    assert closed.status_code == 405
    assert not [name for name in closed.headers if name.startswith("access-control")]
    client = serve(cors_origins=("http://example.test",))
    opened = client.options("/v1/audio/speech", headers=asked)
    assert opened.status_code == 200
    assert opened.headers["access-control-allow-origin"] == "http://example.test"
    other = client.get("/health", headers={"Origin": "http://other.test"})
    assert "access-control-allow-origin" not in other.headers


def test_every_answer_has_the_headers_of_a_careful_server(client: TestClient) -> None:
    for answer in (
        client.get("/health"),
        client.get("/nothing"),
        client.post("/synthesize", json={"text": "a"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_a_request_id_comes_back_or_is_made(client: TestClient) -> None:
    assert client.get("/health", headers={"X-Request-ID": "a-1"}).headers["x-request-id"] == "a-1"
    for bad in ("a b", "a" * 65, "<script>"):
        made = client.get("/health", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.message) for record in caplog.records if record.name == "kalakan.api"]


def test_the_log_has_a_line_of_json_for_each_request_and_no_text(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kalakan.api")
    client.post("/synthesize", json={"text": SAID}, headers={"X-Request-ID": "a-1"})
    client.post("/synthesize", json={"text": SAID, "speed": SAID})
    client.get(f"/{SAID}?{SAID}")
    first, second, third = lines(caplog)
    assert (first["request_id"], first["route"], first["status"]) == ("a-1", "/synthesize", 200)
    assert first["characters"] == len(SAID)
    assert first["audio_s"] > 0
    assert (second["status"], third["status"], third["route"]) == (400, 404, None)
    assert not any(word in caplog.text for word in (SAID, *SAID.split()))


def test_one_setting_puts_the_text_into_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kalakan.api")
    serve(logs_text=True).post("/synthesize", json={"text": SAID})
    assert lines(caplog)[-1]["text"] == SAID


def test_an_unforeseen_error_is_a_500_that_says_nothing(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError(SAID)

    monkeypatch.setattr(Answer, "__call__", broken)
    caplog.set_level(logging.INFO, "kalakan.api")
    answer = client.post("/synthesize", json={"text": SAID})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    error = next(line for line in lines(caplog) if "error" in line)
    assert error["error"] == "ZeroDivisionError"
    assert SAID not in caplog.text
    assert SAID not in answer.text


def families(client: TestClient) -> dict[str, dict[tuple[str, ...], float]]:
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    return {
        sample.name: {
            tuple(other.labels.values()): other.value for other in family.samples if other.name == sample.name
        }
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def test_metrics_count_requests_audio_and_the_cache(serve: Serve) -> None:
    client = serve(max_rows=17)  # a server of this test's own
    answer = client.post("/synthesize", json={"text": "Maakye", "answer": "json"}).json()
    client.post("/synthesize", json={"text": "Maakye"})
    client.post("/synthesize", json={"text": "Maakye"})
    client.post("/synthesize", json={"text": ""})
    found = families(client)
    assert found["kalakan_requests_total"][("/synthesize", "200")] == 3
    assert found["kalakan_requests_total"][("/synthesize", "400")] == 1
    assert found["kalakan_audio_seconds_total"][()] == pytest.approx(3 * answer["seconds"], rel=1e-6)
    assert found["kalakan_cache_lookups_total"] == {("hit",): 1, ("miss",): 1}  # JSON needs the times
    assert found["kalakan_request_seconds_count"][("/synthesize",)] == 4
    assert found["kalakan_first_byte_seconds_count"][("/synthesize",)] == 4
    assert found["kalakan_rtf_count"][()] == 2
    assert found["kalakan_open_requests"][()] == found["kalakan_pending_requests"][()] == 0
    assert max(found["kalakan_memory_bytes"].values()) > 1e7


def test_the_page_is_served_with_its_types_and_validators(tmp_path: Path) -> None:
    from starlette.applications import Starlette

    (tmp_path / "index.html").write_text("<!doctype html><title>Kalakan</title>")
    (tmp_path / "app.js").write_text("'use strict'")
    (tmp_path / "notes.py").write_text("secret = 1")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "style.css").write_text("a{}")
    files = page_files(tmp_path)
    assert set(files) == {"/", "/index.html", "/app.js", "/deep/style.css"}
    page = TestClient(Starlette(routes=page_routes(files)))
    found = page.get("/")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert page.get("/", headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert page.get("/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    for path in ("/notes.py", "/../settings.py", "/%2e%2e/settings.py", "/deep"):
        assert page.get(path).status_code == 404
