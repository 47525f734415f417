"""How text is read, and what the server has: the endpoints without audio."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import format_units
from kalakan.text.twi_g2p import TwiG2P


def test_normalize(client: TestClient) -> None:
    answer = client.post("/normalize", json={"text": "Me wɔ GHS 5 日 s3n 2", "variety": "akuapem"}).json()
    assert answer == {
        "normalized": normalize_text("Me wɔ GHS 5 日 s3n 2", variety="akuapem"),
        "unread": {"日": 1},
    }


def test_normalize_writes_tones(client: TestClient) -> None:
    answer = client.post("/normalize", json={"text": "Ɔbaa no resere.", "write_tones": True}).json()
    assert answer["normalized"] == TwiG2P().write_tones("Ɔbaa no resere.")


@pytest.mark.parametrize("tones", ["predicted", "written"])
def test_phonemize(client: TestClient, tones: str) -> None:
    text = "Ɔbaa no wɔ GHS 5."
    answer = client.post("/phonemize", json={"text": text, "tones": tones}).json()
    reader = TwiG2P(tones=tones)
    assert answer["phonemes"] == format_units(reader.text_to_phoneme_sequence(text))
    assert answer["ids"] == reader.text_to_phoneme_sequence(text)
    assert [word["text"] for word in answer["words"]] == ["Ɔbaa", "no", "wɔ", "GHS 5."]
    assert all(text[word["start"] : word["end"]] == word["text"] for word in answer["words"])
    assert [item["word"] for item in answer["tones"]] == ["ɔbaa", "no", "wɔ", "sidi", "num"]


@pytest.mark.parametrize("path", ["/normalize", "/phonemize"])
@pytest.mark.parametrize("text", ["", "\u0000", "…", "日本", "a" * 5000])
def test_any_text_has_a_reading(client: TestClient, path: str, text: str) -> None:
    assert client.post(path, json={"text": text}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/", "/v1/models/kalakan", "/health", "/ready", "/health/"]
)
def test_what_is_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_may_ask_for_headers_alone(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200


def test_models_are_in_openais_form(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [(item["id"], item["object"]) for item in listed["data"]] == [("kalakan", "model")]
    assert client.get("/v1/models/gpt").json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/health", 405), ("GET", "/synthesize", 405)],
)
def test_other_addresses_and_methods_have_errors_of_the_same_form(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer: Any = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
