"""The log: one JSON object per line, without the texts of requests."""

from __future__ import annotations

import json
import logging
import time
import traceback
from typing import Any

LOGGER = logging.getLogger("kalakan.api")
"""Logger of requests and of server errors."""


def prepare() -> None:
    """Sends the log to standard error, unless the process has its own logging configuration."""
    if not LOGGER.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(handler)
        LOGGER.propagate = False
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)


def write(level: int = logging.INFO, **line: Any) -> None:
    """Writes a line."""
    if LOGGER.isEnabledFor(level):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        LOGGER.log(level, json.dumps({"time": now, "level": logging.getLevelName(level).lower()} | line))


def write_error(error: BaseException, request_id: str) -> None:
    """Writes an error's type and where it was raised, but not its message, which may repeat a client's text."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    write(logging.ERROR, request_id=request_id, error=type(error).__name__, at=places)
