"""A server in the test's process, over a voice of a few kilobytes."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("fastapi") and importlib.util.find_spec("httpx"):
    import uvicorn
    from fastapi.testclient import TestClient

    from kalakan.api.application import create_app
    from kalakan.api.settings import ServerSettings

Serve = Callable[..., "TestClient"]


@pytest.fixture(scope="session")
def serve(streaming_voice: Path) -> Iterator[Serve]:
    """Starts a server with `ServerSettings` of its own: `serve(queue=1)`; equal settings share one."""
    found: dict[Any, TestClient] = {}
    with ExitStack() as running:

        def started(**settings: Any) -> TestClient:
            given = ServerSettings(**{"voice": str(streaming_voice)} | settings)
            if given not in found:
                found[given] = running.enter_context(
                    TestClient(create_app(given), raise_server_exceptions=False)
                )
            return found[given]

        yield started


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """A server with the default settings."""
    return serve()


@pytest.fixture(scope="module")
def address(streaming_voice: Path) -> Iterator[str]:
    """A server on a port of its own, for clients that need a socket: `http://127.0.0.1:PORT/`."""
    settings = ServerSettings(voice=str(streaming_voice))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()
