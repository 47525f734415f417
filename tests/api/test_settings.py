"""`ServerSettings`: each variable of the environment arrives, and keys in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kalakan.api.application import create_app
from kalakan.api.settings import ServerSettings
from kalakan.errors import ConfigError


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("KALAKAN_VOICE", "a", "voice", "a"),
        ("KALAKAN_ACOUSTIC_MODEL", "a.onnx", "acoustic_model", "a.onnx"),
        ("KALAKAN_VOCODER", "v.onnx", "vocoder", "v.onnx"),
        ("KALAKAN_DEVICE", "cuda:0", "device", "cuda:0"),
        ("KALAKAN_LEXICON", "l.tsv", "lexicon", "l.tsv"),
        ("KALAKAN_PRELOAD", "1", "is_preloaded", True),
        ("KALAKAN_QUEUE", "3", "queue", 3),
        ("KALAKAN_MAX_REQUESTS", "4", "max_requests", 4),
        ("KALAKAN_DEADLINE_S", "2.5", "deadline_s", 2.5),
        ("KALAKAN_MAX_BODY_BYTES", "5000", "max_body_bytes", 5000),
        ("KALAKAN_MAX_CHARACTERS", "60", "max_characters", 60),
        ("KALAKAN_MAX_STREAM_CHARACTERS", "70", "max_stream_characters", 70),
        ("KALAKAN_MAX_ROWS", "8", "max_rows", 8),
        ("KALAKAN_CACHE_BYTES", "0", "cache_bytes", 0),
        ("KALAKAN_CACHE_DIR", "c", "cache_dir", "c"),
        ("KALAKAN_REDIS_URL", "redis://a", "redis_url", "redis://a"),
        ("KALAKAN_API_KEYS", "a, b,", "api_keys", ("a", "b")),
        ("KALAKAN_RATE_LIMIT", "9", "rate_limit", 9),
        (
            "KALAKAN_CORS_ORIGINS",
            "http://a.test,http://b.test",
            "cors_origins",
            ("http://a.test", "http://b.test"),
        ),
        ("KALAKAN_LOG_TEXT", "1", "logs_text", True),
    ],
)
def test_a_variable_is_a_setting(
    variable: str, value: str, field: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(ServerSettings.from_environment(), field) == getattr(ServerSettings(), field) != expected
    monkeypatch.setenv(variable, value)
    assert getattr(ServerSettings.from_environment(), field) == expected


def test_keys_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    monkeypatch.setenv("KALAKAN_API_KEYS_FILE", str(path))
    with pytest.raises(ConfigError, match="cannot be read"):
        ServerSettings.from_environment()
    path.write_text("\n\n")
    with pytest.raises(ConfigError, match="holds no key"):  # it must not open the server to everyone
        ServerSettings.from_environment()
    path.write_text("one\n two \n")
    monkeypatch.setenv("KALAKAN_API_KEYS", "three")
    assert ServerSettings.from_environment().api_keys == ("three", "one", "two")


def test_settings_show_no_secret() -> None:
    assert "secret" not in repr(ServerSettings(api_keys=("secret",), redis_url="redis://:secret@host"))


def test_a_cache_on_disk_serves_another_server(streaming_voice: Path, tmp_path: Path) -> None:
    from fastapi.testclient import TestClient

    def served(path: str | None) -> tuple[str, bytes]:
        settings = ServerSettings(voice=str(streaming_voice), cache_dir=str(tmp_path))
        with TestClient(create_app(settings)) as client:
            if path is not None:
                return path, client.get(path).content
            answer = client.post("/synthesize", json={"text": "Maakye"})
            return answer.headers["content-location"], answer.content

    path, content = served(None)
    assert served(path) == (path, content)


def test_a_redis_that_is_dead_fails_no_request(
    streaming_voice: Path, recwarn: pytest.WarningsRecorder
) -> None:
    pytest.importorskip("redis")
    from fastapi.testclient import TestClient

    settings = ServerSettings(voice=str(streaming_voice), redis_url="redis://127.0.0.1:1/0")
    with TestClient(create_app(settings)) as client:
        assert client.post("/synthesize", json={"text": "Maakye"}).status_code == 200
        assert client.post("/v1/audio/speech", json={"input": "Maakye"}).status_code == 200
