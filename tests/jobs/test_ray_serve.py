"""The server as an application of Ray Serve, on a cluster of this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import ray

import kalakan
from kalakan import Synthesizer
from kalakan.audio.files import write_audio
from kalakan.errors import ConfigError

pytest.importorskip("fastapi", reason="the server's packages are not installed")
from kalakan.jobs.ray_serve import application
from ray_processes import processes_below

TEXTS = [f"Me wɔ GHS {number}." for number in range(8)]
PATIENCE_S = 120.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"replicas": 0}, "replicas is 0; it must be a whole number from 1 to 1024"),
        ({"replicas": "many"}, "replicas is 'many'; it must be a whole number from 1 to 1024"),
        ({"cpus": None}, "cpus is None; it must be a whole number from 1 to 1024"),
        ({"workers": 2}, "workers is no argument of the application; there are replicas and cpus"),
    ],
)
def test_arguments_are_checked_before_ray_is_asked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        application(arguments)


@pytest.fixture(scope="module")
def address(streaming_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two replicas behind Ray's proxy."""
    serve = pytest.importorskip("ray.serve", reason="Ray Serve is not installed")
    own = Path(kalakan.__file__).parents[1]
    others = [path for path in sys.path if path and not (Path(path) / "kalakan").is_dir()]
    with pytest.MonkeyPatch.context() as patch, socket.socket() as found:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(own), *others]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("KALAKAN_VOICE", str(streaming_voice))
        patch.setenv("KALAKAN_CACHE_BYTES", "0")
        patch.chdir(tmp_path_factory.mktemp("cluster"))
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="error")
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            serve.run(application({"replicas": "2"}), name="kalakan", route_prefix="/")
            yield f"http://127.0.0.1:{port}"
        finally:
            serve.shutdown()
            ray.shutdown()


def posted(address: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    return urllib.request.urlopen(request, timeout=PATIENCE_S)


@pytest.mark.ray
@pytest.mark.slow
def test_replicas_answer_as_a_server_does(address: str, streaming_voice: Path, tmp_path: Path) -> None:
    synthesizer = Synthesizer(streaming_voice)
    for text in TEXTS:
        write_audio(tmp_path / "a.wav", synthesizer.synthesize(text), synthesizer.sample_rate)
        with posted(address, "/synthesize", {"text": text}) as answer:
            assert answer.read() == (tmp_path / "a.wav").read_bytes()
    with posted(address, "/v1/audio/speech", {"input": TEXTS[0], "response_format": "pcm"}) as answer:
        assert answer.headers["content-type"].startswith("audio/")
        streamed = answer.read()
    assert len(streamed) == 2 * len(synthesizer.synthesize(TEXTS[0]))
    with urllib.request.urlopen(f"{address}/", timeout=PATIENCE_S) as page:
        assert b"<title>Kalakan</title>" in page.read()
    with pytest.raises(urllib.error.HTTPError) as refused:
        posted(address, "/synthesize", {"text": "..."})
    assert (refused.value.code, json.load(refused.value)["error"]["code"]) == (400, "invalid_value")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_replica_that_is_killed_is_replaced(address: str) -> None:
    def replicas() -> list[int]:
        return sorted(processes_below(os.getpid(), "ray::ServeReplica:kalakan:"))

    before = replicas()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    end = time.monotonic() + PATIENCE_S
    while not (len(now := replicas()) == 2 and before[0] not in now):
        assert time.monotonic() < end, "no replica was started"
        time.sleep(0.2)
    answered = 0
    while answered < len(TEXTS):
        with suppress(urllib.error.URLError), posted(address, "/synthesize", {"text": TEXTS[answered]}):
            answered += 1
        assert time.monotonic() < end, "the cluster does not answer"
