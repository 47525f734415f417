"""Kalakan's environment variables: a table of them, and their values.

KALAKAN_OPS is parsed here, without torch, so that a typo in it is an error in every engine.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from kalakan.errors import ConfigError, ImplementationUnavailable


@dataclass(frozen=True)
class Variable:
    """An environment variable."""

    meaning: str
    """Description, for documentation."""
    default: str | int | float | bool | None = None
    """Value if the variable is unset or empty; also defines its type (None: text)."""
    low: float = 0
    """Smallest value of a number."""
    high: float = math.inf
    """Largest value of a number."""


VARIABLES: dict[str, Variable] = {
    "KALAKAN_VOICE": Variable("voice folder of the server; default: the voice that comes with Kalakan"),
    "KALAKAN_ACOUSTIC_MODEL": Variable("file or folder of an acoustic model, instead of a voice"),
    "KALAKAN_VOCODER": Variable("the same for the vocoder"),
    "KALAKAN_DEVICE": Variable("torch device of the server's models", "cpu"),
    "KALAKAN_LEXICON": Variable("lexicon file with readings of words"),
    "KALAKAN_PRELOAD": Variable(
        "1: `gunicorn --preload` loads the voice once before it forks the workers", False
    ),
    "KALAKAN_QUEUE": Variable(
        "maximum number of requests that wait for the CPU in one worker; further ones get a 429",
        16,
        1,
        1024,
    ),
    "KALAKAN_MAX_REQUESTS": Variable(
        "maximum number of open syntheses in one worker, including slow readers", 64, 1, 1024
    ),
    "KALAKAN_DEADLINE_S": Variable(
        "maximum seconds until the first audio of a stream, or until a whole response; then 408",
        30.0,
        0.1,
        3600.0,
    ),
    "KALAKAN_MAX_BODY_BYTES": Variable("maximum size of a request body in bytes", 1 << 20, 1024, 1 << 30),
    "KALAKAN_MAX_CHARACTERS": Variable(
        "maximum length of a text that is returned as a whole", 10_000, 1, 10_000_000
    ),
    "KALAKAN_MAX_STREAM_CHARACTERS": Variable(
        "maximum length of a text that is streamed", 200_000, 1, 100_000_000
    ),
    "KALAKAN_MAX_ROWS": Variable("maximum number of rows in a batch", 1000, 1, 1_000_000),
    "KALAKAN_CACHE_BYTES": Variable(
        "bytes of memory for cached audio in one worker; 0: no cache", 64 << 20, 0, 1 << 40
    ),
    "KALAKAN_CACHE_DIR": Variable("folder of a disk cache that workers share"),
    "KALAKAN_REDIS_URL": Variable(
        "URL of a Redis that workers and servers share as a cache, such as redis://host:6379/0"
    ),
    "KALAKAN_API_KEYS": Variable(
        "API keys separated by commas; requests must have one of them; default: no key is required"
    ),
    "KALAKAN_API_KEYS_FILE": Variable("file with one API key per line"),
    "KALAKAN_RATE_LIMIT": Variable(
        "maximum requests per minute and key in one worker; 0: no limit", 0, 0, 1_000_000
    ),
    "KALAKAN_CORS_ORIGINS": Variable("web origins, separated by commas, whose pages may call the server"),
    "KALAKAN_LOG_TEXT": Variable("1: log the texts of requests", False),
    "KALAKAN_METRICS_DIR": Variable(
        "folder in which the workers of a server share their metrics; default: one inside the folder for temporary "
        "files"
    ),
    "KALAKAN_NUM_THREADS": Variable(
        "threads that `ParallelSynthesizer`, and all `asynthesize` and `astream` calls together, keep busy; unset: the "
        "cores this process may use, at most `OMP_NUM_THREADS` and torch's number"
    ),
    "KALAKAN_OPS": Variable(
        "implementation of an op, such as `griffin_lim=torch`, or one name for all ops that have it; an "
        "implementation that is not available is an error"
    ),
}
"""Every variable by its name."""


def text_value(name: str) -> str | None:
    """Value of a text variable, or its default; None if it is unset or empty."""
    value = os.environ.get(name, "").strip()
    default = VARIABLES[name].default
    return value or (default if isinstance(default, str) else None)


def number_value(name: str) -> float:
    """Value of a numeric variable, an integer if its default is one; raises `ConfigError` out of range."""
    variable, value = VARIABLES[name], os.environ.get(name, "").strip()
    default = variable.default
    assert isinstance(default, (int, float)), "the variable is a number"
    if not value:
        return default
    kind = type(default)
    try:
        found = kind(value)
    except ValueError:
        found = math.nan
    if not variable.low <= found <= variable.high:
        whole = "a whole number" if kind is int else "a number"
        raise ConfigError(
            f"{name} is {value[:40]!r}; it must be {whole} from {variable.low:,} to {variable.high:,}".replace(
                ",", ""
            )
        )
    return found


def is_on(name: str) -> bool:
    """Whether a switch variable is on; raises `ConfigError` for anything but 0 and 1."""
    value = os.environ.get(name, "").strip() or "0"
    if value not in ("0", "1"):
        raise ConfigError(f"{name} is {value[:40]!r}; it must be 0 or 1")
    return value == "1"


OPS = ("griffin_lim", "residual_blocks", "upsample")
"""Names of all ops, so that a misspelled request is rejected before an op is loaded."""
IMPLEMENTATIONS = ("cuda", "triton", "rust", "torch")
"""Names of all implementations, for the same reason. Not every op has each."""

REDIS_URL = "KALAKAN_REDIS_URL"
"""Variable with the URL of the Redis that caches audio."""


def one_name() -> str | None:
    """KALAKAN_OPS if it is one name for all ops; raises `ImplementationUnavailable` for an unknown name."""
    text = os.environ.get("KALAKAN_OPS", "").strip()
    if not text or "=" in text or "," in text:
        return None
    if text not in IMPLEMENTATIONS:
        known = ", ".join(IMPLEMENTATIONS)
        raise ImplementationUnavailable(f"KALAKAN_OPS is {text!r}; one name for all ops is one of {known}")
    return text


def from_environment() -> dict[str, str]:
    """Implementation of each op that KALAKAN_OPS names; raises `ImplementationUnavailable` for a typo in it."""
    name = one_name()
    if name is not None:
        return dict.fromkeys(OPS, name)
    text = os.environ.get("KALAKAN_OPS", "")
    requests: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        op, separator, name = (piece.strip() for piece in part.partition("="))
        if not (separator and name):
            raise ImplementationUnavailable(
                f"KALAKAN_OPS has {part!r}; write op=implementation, or one name for all"
            )
        check_op(op)
        if name not in IMPLEMENTATIONS:
            known = ", ".join(IMPLEMENTATIONS)
            raise ImplementationUnavailable(f"KALAKAN_OPS has {part!r}; an implementation is one of {known}")
        requests[op] = name
    return requests


def check_op(op: str) -> None:
    """Raises `ImplementationUnavailable` for a name that is not an op."""
    if op not in OPS:
        raise ImplementationUnavailable(f"{op} is not an op; the ops are {', '.join(OPS)}")
