"""Runs the server in this process or in several workers."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from kalakan.api import logs
from kalakan.api.application import create_app
from kalakan.api.metrics import METRICS_DIR, PREFIX
from kalakan.api.service import Service, load
from kalakan.api.settings import ServerSettings
from kalakan.config.environment import text_value
from kalakan.errors import ConfigError

GRACE_S = 30
"""Seconds for open responses to end after the server is asked to stop."""
KEEP_ALIVE_S = 75
"""Seconds that an idle connection stays open: longer than for clients (OpenAI's 5, nginx 60). A server that closes
first cuts off a request that is already on its way."""
BACKLOG = 2048
"""Maximum number of connections waiting to be accepted."""
MOST_WORKERS = 64


def serve(host: str, port: int, workers: int, announce: Callable[[str], None]) -> None:
    """Serves until SIGTERM or Ctrl-C; open responses then have `GRACE_S` to end.

    `announce` is called with the bound address; port 0 picks a free one. Raises `ConfigError` for an address that
    cannot be bound and a number out of range, and, with one worker, the errors of `Synthesizer`.
    """
    _check("port", port, 0, 65535)
    _check("workers", workers, 1, MOST_WORKERS)
    settings = ServerSettings.from_environment()
    listener = bound(host, port)
    address = f"http://{_shown(host)}:{listener.getsockname()[1]}"
    options: dict[str, Any] = {
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "ws_max_size": settings.max_body_bytes,
        "timeout_graceful_shutdown": GRACE_S,
    }
    if workers == 1:  # raises an error for an invalid voice here, not in a worker's log
        app = create_app(settings, load(settings))
        announce(address)
        uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listener])
        return
    port = listener.getsockname()[1]
    listener.close()  # uvicorn binds its own socket, which its workers inherit
    announce(address)
    with _metrics_folder():
        uvicorn.run("kalakan.api.server:app", host=host, port=port, workers=workers, **options)


@contextmanager
def _metrics_folder() -> Iterator[None]:
    """Creates a folder in which the workers share their metrics, unless the environment names one or there is no folder
    for temporary files."""
    if text_value(METRICS_DIR) is not None:
        yield
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
    except OSError as error:
        logs.prepare()
        logs.write(logging.ERROR, error=f"{error.strerror}; set {METRICS_DIR}: metrics are each worker's own")
        yield
        return
    with folder as name:
        os.environ[METRICS_DIR] = name
        yield


def serve_wyoming(host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serves the Wyoming protocol until SIGTERM or Ctrl-C; arguments and errors as for `serve`."""
    from kalakan.api import wyoming_service

    _check("port", port, 0, 65535)
    service = Service(ServerSettings.from_environment())
    service.warm_up()
    listener = bound(host, port)
    address = f"tcp://{_shown(host)}:{listener.getsockname()[1]}"
    try:
        wyoming_service.serve_wyoming(service, listener, lambda: announce(address))
    finally:
        service.close()


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; it must be a whole number from {low} to {high}")


def _shown(host: str) -> str:
    """A host in the form used in a URL."""
    return f"[{host}]" if ":" in host else host


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to an address; raises `ConfigError` if that fails."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # a port used by another server fails only now
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen at {host} port {port}: {reason}; choose another --host or --port"
        ) from error
    return listener
