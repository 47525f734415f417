"""Requests to the server over TCP beside the same in this process: what HTTP, checks and scheduling cost.

Server and client share the process, so that its CPU time is that of both.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from websockets.sync.client import connect

from beside import beside, equal, suite
from kalakan import Synthesizer
from kalakan.api.application import create_app
from kalakan.api.run import bound
from kalakan.api.settings import ServerSettings
from kalakan.text.normalizer import normalize_text
from parallel import SENTENCE

NORMALIZED_TEXTS = 20

pytestmark = suite("server")


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(config={"inference": {"threads": 1}})


@pytest.fixture(scope="module")
def address(synthesizer: Synthesizer) -> Iterator[str]:
    """Host and port of a server in a thread of this process, without a cache."""
    listener = bound("127.0.0.1", 0)
    app = create_app(ServerSettings(cache_bytes=0), synthesizer)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended"
        time.sleep(0.01)
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", timeout=60) as running:
        yield running


def pcm(audio: np.ndarray) -> bytes:
    return (np.clip(audio, -1, 1) * 32767).round().astype("<i2").tobytes()


def same_audio(ours: bytes, theirs: bytes) -> None:
    """Equal up to one step of 16 bits."""
    one, other = (np.frombuffer(samples, "<i2").astype(int) for samples in (ours, theirs))
    assert len(one) == len(other)
    assert np.abs(one - other).max() <= 1


def test_speech(benchmark: Any, client: httpx.Client, synthesizer: Synthesizer) -> None:
    def ask() -> bytes:
        answer = client.post("/v1/audio/speech", json={"input": SENTENCE, "response_format": "pcm"})
        assert answer.status_code == 200, answer.text
        return answer.content

    beside(benchmark, ask, lambda: pcm(synthesizer.synthesize(SENTENCE)), same_audio, rounds=9)


def test_websocket(benchmark: Any, address: str, synthesizer: Synthesizer) -> None:
    """One sentence over a connection of its own."""

    def ask() -> bytes:
        pieces = []
        with connect(f"ws://{address}/ws") as socket:
            for message in ({"type": "start"}, {"type": "text", "text": SENTENCE}, {"type": "end"}):
                socket.send(json.dumps(message))
            while True:
                received = socket.recv(timeout=60)
                if isinstance(received, bytes):
                    pieces.append(received)
                elif json.loads(received)["type"] == "done":
                    return b"".join(pieces)

    beside(benchmark, ask, lambda: pcm(synthesizer.synthesize(SENTENCE)), same_audio, rounds=9)


def test_normalize(benchmark: Any, client: httpx.Client) -> None:
    """What a request costs that computes next to nothing."""
    text = "Me wɔ GHS 1,200."

    def ask() -> list[str]:
        answers = [client.post("/normalize", json={"text": text}) for _ in range(NORMALIZED_TEXTS)]
        return [answer.json()["normalized"] for answer in answers]

    beside(benchmark, ask, lambda: [normalize_text(text) for _ in range(NORMALIZED_TEXTS)], equal, rounds=9)
