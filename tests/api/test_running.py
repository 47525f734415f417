"""Servers as processes: `kalakan serve`, and gunicorn as the deployment guide starts it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kalakan import Synthesizer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals and gunicorn")
BIN = Path(sys.executable).parent
PATIENCE_S = 120
TEXT = "Maakye, wo ho te sɛn? "


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(
    command: list[str], port: int, folder: Path, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client, Path]]:
    """A server as a process, a client of it, and its log."""
    log = folder / f"{port}.log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("KALAKAN_")} | variables
    # Of another folder: a checkout has no compiled core.
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=sink, stderr=sink)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            end = time.monotonic() + PATIENCE_S
            while True:
                with suppress(httpx.TransportError):
                    if client.get("/ready").status_code == 200:
                        break
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield process, client, log
    finally:
        process.kill()
        process.wait()


def kalakan_serve(port: int, *more: str) -> list[str]:
    return [str(BIN / "kalakan"), "serve", "--port", str(port), *more]


def gunicorn(port: int, *more: str, worker: str = "uvicorn.workers.UvicornWorker") -> list[str]:
    command = [str(BIN / "gunicorn"), "-w", "4", "-k", worker, "kalakan.api.server:app", "--preload"]
    return [*command, "-b", f"127.0.0.1:{port}", *more]


def asked(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/v1/audio/speech", json={"model": "x", "voice": "akosua", "input": "Maakye"} | body)


@pytest.mark.parametrize(
    ("worker", "preload", "threads"),
    [
        ("uvicorn.workers.UvicornWorker", "1", "1"),
        ("kalakan.api.worker.Worker", "1", "2"),
        ("kalakan.api.worker.Worker", "0", "2"),
    ],
)
def test_the_guides_command_serves_from_every_worker(
    streaming_voice: Path, tmp_path: Path, worker: str, preload: str, threads: str
) -> None:
    """Models that were loaded before the fork work after it, and the counts of all workers are one.

    microsoft/onnxruntime#9800, benoitc/gunicorn#3529.
    """
    port = free_port()
    variables = {"KALAKAN_VOICE": str(streaming_voice), "KALAKAN_PRELOAD": preload, "TMPDIR": str(tmp_path)}
    variables["KALAKAN_NUM_THREADS"] = threads
    variables["PYTHONWARNINGS"] = "ignore"  # of uvicorn, about the name of its worker
    with running(gunicorn(port, worker=worker), port, tmp_path, **variables) as (process, _, log):

        def one(_: int) -> bytes:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as own:
                answer = asked(own, response_format="wav")
                assert answer.status_code == 200, answer.text
                return answer.content

        with ThreadPoolExecutor(8) as pool:
            bodies = set(pool.map(one, range(40)))
        assert len(bodies) == 1
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as own:
            page = own.get("/metrics").text
        families = {family.name: family for family in text_string_to_metric_families(page)}
        counted = {
            sample.labels["route"]: sample.value
            for sample in families["kalakan_requests"].samples
            if sample.name == "kalakan_requests_total"
        }
        assert counted["/v1/audio/speech"] == 40
        # The memory of each worker that has answered.
        memory = families["kalakan_memory_bytes"].samples
        assert 1 <= len({sample.labels["pid"] for sample in memory}) <= 4
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    assert not list(tmp_path.glob("kalakan-metrics-*"))


def test_an_open_answer_ends_before_the_server_does(streaming_voice: Path, tmp_path: Path) -> None:
    port = free_port()
    command = kalakan_serve(port, "--voice", str(streaming_voice))
    body = {"input": TEXT * 1000, "response_format": "pcm"}
    with running(command, port, tmp_path) as (process, client, log):
        with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            process.send_signal(signal.SIGTERM)
            content = first + b"".join(pieces)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    synthesizer = Synthesizer(streaming_voice)
    assert len(content) == 2 * len(synthesizer.synthesize(TEXT * 1000))
    lines = log.read_text().splitlines()
    assert lines[0] == f"kalakan: serving http://127.0.0.1:{port}"
    assert json.loads(lines[-1])["status"] == 200


def test_the_cpu_rests_when_the_client_has_left(streaming_voice: Path, tmp_path: Path) -> None:
    """Over a socket: the request ends in the log long before all of its audio was made. remsky/Kokoro-FastAPI#25."""
    port = free_port()
    text = TEXT * 8000
    with running(kalakan_serve(port, "--voice", str(streaming_voice)), port, tmp_path) as (_, client, log):
        with client.stream("POST", "/v1/audio/speech", json={"input": text}) as answer:
            next(answer.iter_raw())
        while "499" not in log.read_text():
            time.sleep(0.05)
        assert client.get("/ready").json() == {"status": "ready", "pending": 0, "open": 0}
        line = next(json.loads(line) for line in log.read_text().splitlines() if '"status": 499' in line)
        assert line["characters"] == len(text)
        per_character = asked_seconds(client) / len(TEXT)
        assert line["audio_s"] < 0.5 * per_character * len(text)


def asked_seconds(client: httpx.Client) -> float:
    return float(client.post("/v1/timestamps", json={"text": TEXT}).json()["seconds"])


def test_a_server_needs_no_folder_that_can_be_written_to(streaming_voice: Path, tmp_path: Path) -> None:
    """teddybear082/pocket-tts-openai_streaming_server#2."""
    port = free_port()
    nowhere = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    with running(kalakan_serve(port, "--voice", str(streaming_voice)), port, tmp_path, **nowhere) as (
        _,
        client,
        _log,
    ):
        for name in ("wav", "mp3", "opus", "flac"):
            assert asked(client, response_format=name).status_code == 200
        assert client.get("/metrics").status_code == 200


def test_the_first_byte_comes_as_soon_after_a_rest(streaming_voice: Path, tmp_path: Path) -> None:
    """Nothing is unloaded: a request after a rest needs no model to be loaded.

    devnen/Chatterbox-TTS-Server#168, speaches-ai/speaches#327.
    """
    port = free_port()
    with running(kalakan_serve(port, "--voice", str(streaming_voice)), port, tmp_path) as (
        process,
        client,
        _,
    ):
        maps = Path(f"/proc/{process.pid}/maps")
        files = set(maps.read_text().split()) if maps.exists() else set()
        for rest_s in (0.0, 1.0):
            time.sleep(rest_s)
            assert asked(client).status_code == 200
        if maps.exists():
            assert {name for name in files if name.endswith(".so")} <= set(maps.read_text().split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--voice", "/nonexistent"), "there is no such voice folder"),
        (("--port", "99999"), "port is 99999; it must be a whole number from 0 to 65535"),
        (("--workers", "0"), "workers is 0; it must be a whole number from 1 to 64"),
        (("--host", "nowhere.invalid"), "cannot listen at nowhere.invalid"),
    ],
)
def test_what_cannot_be_served_is_one_line(kalakan: Any, arguments: tuple[str, ...], message: str) -> None:
    result = kalakan("serve", *arguments)
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1
    assert message in lines[-1]
    assert lines[-1].startswith("kalakan: error: ")


def test_a_port_that_is_taken_is_one_line(kalakan: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = kalakan("serve", "--port", str(port))
    assert result.returncode == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in result.stderr.decode()


def test_a_setting_out_of_range_is_one_line(kalakan: Any) -> None:
    result = kalakan("serve", env={**os.environ, "KALAKAN_QUEUE": "-3"})
    assert result.returncode == 1
    assert result.stderr.decode().splitlines() == [
        "kalakan: error: KALAKAN_QUEUE is '-3'; it must be a whole number from 1 to 1024"
    ]


def test_two_workers_share_a_port(streaming_voice: Path, tmp_path: Path) -> None:
    port = free_port()
    command = kalakan_serve(port, "--workers", "2", "--voice", str(streaming_voice))
    with running(command, port, tmp_path) as (process, client, log):
        for _ in range(10):
            with httpx.Client(base_url=client.base_url, timeout=PATIENCE_S) as own:
                assert asked(own).status_code == 200
        assert counted_requests(client)["/v1/audio/speech"] == 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_worker_needs_at_most_150_mb(tmp_path: Path) -> None:
    """With the default voice, when it is ready and after requests in every format, several at once."""
    port = free_port()
    variables = {"KALAKAN_NUM_THREADS": "1", "KALAKAN_CACHE_BYTES": "0"}
    with running(kalakan_serve(port), port, tmp_path, **variables) as (process, client, _):
        assert resident_mb(process.pid) <= 150
        text = "Me nua panin ne ne yere rekɔ kurom hɔ akɔtɔ nneɛma bi aba fie. " * 3
        forms = ("mp3", "opus", "flac", "wav", "pcm", "mp3")
        with ThreadPoolExecutor(len(forms)) as pool:
            for number in range(4):
                answers = pool.map(lambda form: asked(client, input=text, response_format=form), forms)
                assert [answer.status_code for answer in answers] == [200] * len(forms), number
                assert resident_mb(process.pid) <= 150


def resident_mb(process: int) -> float:
    text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8")
    return int(text.partition("Rss:")[2].split()[0]) / 1024


def counted_requests(client: httpx.Client) -> dict[str, float]:
    """Requests by route, of all workers."""
    families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}
    return {
        sample.labels["route"]: sample.value
        for sample in families["kalakan_requests"].samples
        if sample.name == "kalakan_requests_total"
    }


def test_an_idle_connection_is_the_clients_to_close(streaming_voice: Path, tmp_path: Path) -> None:
    """OpenAI's client forgets one after 5 seconds; a server that did the same would cut off a request on its way."""
    port = free_port()
    with running(kalakan_serve(port, "--voice", str(streaming_voice)), port, tmp_path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        connection.connect()
        own = connection.sock
        for rest_s in (6.0, 0.0):
            connection.request("GET", "/health")
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:14]) == (200, b'{"status":"ok"')
            assert connection.sock is own
            time.sleep(rest_s)
        connection.close()


def test_a_slow_client_holds_no_thread(streaming_voice: Path, tmp_path: Path) -> None:
    """Clients that send half a request, or read nothing, do not keep others out."""
    port = free_port()
    with running(kalakan_serve(port, "--voice", str(streaming_voice)), port, tmp_path) as (_, client, _log):
        body = json.dumps({"input": TEXT * 3000, "response_format": "pcm"}).encode()
        head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n".encode()
        silent = []
        for request in (head[:20], head + body[:50], head + body, head + body):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(request)
            silent.append(connection)
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(asked(client).status_code)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        for connection in silent:
            connection.close()
        assert found == [200, 200, 200]
