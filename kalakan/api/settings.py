"""`ServerSettings`: the operator's settings, read from environment variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kalakan.config.environment import VARIABLES, is_on, number_value, text_value
from kalakan.errors import ConfigError


def _default(name: str) -> int:
    return int(str(VARIABLES[name].default))


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server; `kalakan.config.environment.VARIABLES` defines the meaning, default and limits of
    each."""

    voice: str | None = None
    acoustic_model: str | None = None
    vocoder: str | None = None
    device: str = "cpu"
    lexicon: str | None = None
    is_preloaded: bool = False
    queue: int = _default("KALAKAN_QUEUE")
    max_requests: int = _default("KALAKAN_MAX_REQUESTS")
    deadline_s: float = 30.0
    max_body_bytes: int = _default("KALAKAN_MAX_BODY_BYTES")
    max_characters: int = _default("KALAKAN_MAX_CHARACTERS")
    max_stream_characters: int = _default("KALAKAN_MAX_STREAM_CHARACTERS")
    max_rows: int = _default("KALAKAN_MAX_ROWS")
    cache_bytes: int = _default("KALAKAN_CACHE_BYTES")
    cache_dir: str | None = None
    redis_url: str | None = field(default=None, repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    rate_limit: int = 0
    cors_origins: tuple[str, ...] = ()
    logs_text: bool = False

    @classmethod
    def from_environment(cls) -> ServerSettings:
        """The settings of this process's environment; raises `ConfigError` for a value out of range."""
        return cls(
            voice=text_value("KALAKAN_VOICE"),
            acoustic_model=text_value("KALAKAN_ACOUSTIC_MODEL"),
            vocoder=text_value("KALAKAN_VOCODER"),
            device=text_value("KALAKAN_DEVICE") or "cpu",
            lexicon=text_value("KALAKAN_LEXICON"),
            is_preloaded=is_on("KALAKAN_PRELOAD"),
            queue=int(number_value("KALAKAN_QUEUE")),
            max_requests=int(number_value("KALAKAN_MAX_REQUESTS")),
            deadline_s=number_value("KALAKAN_DEADLINE_S"),
            max_body_bytes=int(number_value("KALAKAN_MAX_BODY_BYTES")),
            max_characters=int(number_value("KALAKAN_MAX_CHARACTERS")),
            max_stream_characters=int(number_value("KALAKAN_MAX_STREAM_CHARACTERS")),
            max_rows=int(number_value("KALAKAN_MAX_ROWS")),
            cache_bytes=int(number_value("KALAKAN_CACHE_BYTES")),
            cache_dir=text_value("KALAKAN_CACHE_DIR"),
            redis_url=text_value("KALAKAN_REDIS_URL"),
            api_keys=_keys(),
            rate_limit=int(number_value("KALAKAN_RATE_LIMIT")),
            cors_origins=_listed(text_value("KALAKAN_CORS_ORIGINS")),
            logs_text=is_on("KALAKAN_LOG_TEXT"),
        )


def _keys() -> tuple[str, ...]:
    keys = _listed(text_value("KALAKAN_API_KEYS"))
    path = text_value("KALAKAN_API_KEYS_FILE")
    if path is not None:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"KALAKAN_API_KEYS_FILE {path} cannot be read: {error}; name a text file"
            ) from error
        found = tuple(filter(None, map(str.strip, lines)))
        if not found:  # an empty file must not give everyone access
            raise ConfigError(f"KALAKAN_API_KEYS_FILE {path} holds no key; write one on each line")
        keys += found
    return keys


def _listed(value: str | None) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, (value or "").split(","))))
