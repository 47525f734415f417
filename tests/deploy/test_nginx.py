"""Both nginx configurations before real servers and a real Redis: nothing is lost when a server is killed, and no two
texts share an answer."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from kalakan import Synthesizer
from kalakan.audio.files import write_audio

pytest.importorskip("fastapi", reason="the server's packages are not installed")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
REDIS = shutil.which("redis-server")
CONFIGURATIONS = Path(__file__).parents[2] / "deploy" / "nginx"
PATIENCE_S = 90.0

pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(REDIS is None, reason="redis-server is not installed"),
]
Start = Callable[..., "subprocess.Popen[bytes]"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, "it ended"
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, "it did not start"
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program that listens on a port, and ends it after the test."""
    with ExitStack() as running:

        def started(port: int, *command: str | Path, **environment: str) -> subprocess.Popen[bytes]:
            log = running.enter_context((tmp_path / f"{port}.log").open("wb"))
            process = subprocess.Popen(
                list(map(str, command)), cwd=tmp_path, env=os.environ | environment, stdout=log, stderr=log
            )
            running.callback(end, process)
            wait_for(port, process)
            return process

        yield started


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_server(start: Start, voice: Path, **environment: str) -> tuple[int, subprocess.Popen[bytes]]:
    port = free_port()
    command = [sys.executable, "-I", "-m", "kalakan", "serve", "--port", str(port), "--voice", voice]
    return port, start(port, *command, KALAKAN_NUM_THREADS="1", **environment)


def start_nginx(start: Start, name: str, folder: Path, servers: dict[str, int]) -> int:
    """nginx with a configuration of `deploy/`, its addresses and folders replaced by those of the test."""
    port = free_port()
    text = (CONFIGURATIONS / name).read_text(encoding="utf-8")
    for server, place in servers.items():
        text = text.replace(f"{server}:8000", f"127.0.0.1:{place}")
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    text = text.replace("/var/cache/nginx", str(folder / "cache"))
    user = "user root;\n" if os.getuid() == 0 else ""  # else its workers could not write the test's folders
    text = f"{user}daemon off;\nerror_log stderr;\n" + text.replace(
        "worker_processes auto", "worker_processes 1"
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    assert NGINX is not None
    start(port, NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr")
    return port


def post(port: int, path: str, body: dict[str, object]) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read(), dict(answer.headers)


def test_a_killed_server_loses_no_request(start: Start, streaming_voice: Path, tmp_path: Path) -> None:
    redis = free_port()
    start(redis, REDIS or "", "--port", str(redis), "--save", "", "--bind", "127.0.0.1")
    address = f"redis://127.0.0.1:{redis}/0"
    first, victim = start_server(start, streaming_voice, KALAKAN_REDIS_URL=address)
    second, _ = start_server(start, streaming_voice, KALAKAN_REDIS_URL=address)
    port = start_nginx(start, "load-balancer.conf", tmp_path, {"server-1": first, "server-2": second})
    texts = [f"Me wɔ GHS {number}." for number in range(60)]
    synthesizer = Synthesizer(streaming_voice)

    def ask(number: int) -> bytes:
        if number == 15:
            victim.send_signal(signal.SIGKILL)
        return post(port, "/synthesize", {"text": texts[number]})[0]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(len(texts))))
    assert victim.wait(timeout=20) == -signal.SIGKILL
    for text, answer in zip(texts, answers, strict=True):
        write_audio(tmp_path / "a.wav", synthesizer.synthesize(text), synthesizer.sample_rate)
        assert answer == (tmp_path / "a.wav").read_bytes()


def two_workers(arbiter: subprocess.Popen[bytes], besides: int = 0) -> set[int]:
    """gunicorn's workers, as soon as there are two."""
    children = Path(f"/proc/{arbiter.pid}/task/{arbiter.pid}/children")
    end = time.monotonic() + PATIENCE_S
    while len(found := set(map(int, children.read_text().split())) - {besides}) < 2:
        assert time.monotonic() < end, "there is no second worker"
        time.sleep(0.05)
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds gunicorn's workers in /proc")
@pytest.mark.parametrize("is_behind_nginx", [True, False], ids=["behind-nginx", "alone"])
def test_a_killed_worker_costs_its_requests_alone_and_nginx_asks_again(
    start: Start, streaming_voice: Path, tmp_path: Path, is_behind_nginx: bool
) -> None:
    redis, server = free_port(), free_port()
    start(redis, REDIS or "", "--port", str(redis), "--save", "", "--bind", "127.0.0.1")
    command = [Path(sys.executable).with_name("gunicorn"), "-w", "2", "-k", "kalakan.api.worker.Worker"]
    command += ["--preload", "-b", f"127.0.0.1:{server}", "kalakan.api.server:app"]
    arbiter = start(
        server,
        *command,
        KALAKAN_VOICE=str(streaming_voice),
        KALAKAN_PRELOAD="1",
        KALAKAN_NUM_THREADS="1",
        KALAKAN_REDIS_URL=f"redis://127.0.0.1:{redis}/0",
    )
    port = server
    if is_behind_nginx:  # its second server is another worker of the same gunicorn
        port = start_nginx(start, "load-balancer.conf", tmp_path, {"server-1": server, "server-2": server})
    workers = two_workers(arbiter)
    victim, clients = min(workers), 4
    texts = [f"Me wɔ GHS {number}." for number in range(80)]
    synthesizer = Synthesizer(streaming_voice)

    def ask(number: int) -> bytes | None:
        if number == 20:
            os.kill(victim, signal.SIGKILL)
        try:
            return post(port, "/synthesize", {"text": texts[number]})[0]
        except (OSError, http.client.HTTPException):  # the connection ended with the worker
            return None

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(len(texts))))
    assert answers.count(None) <= (0 if is_behind_nginx else clients)
    for text, answer in zip(texts, answers, strict=True):
        write_audio(tmp_path / "a.wav", synthesizer.synthesize(text), synthesizer.sample_rate)
        assert answer in (None, (tmp_path / "a.wav").read_bytes())
    assert len(two_workers(arbiter, besides=victim) & workers) == 1


def test_long_texts_do_not_share_an_answer(start: Start, streaming_voice: Path, tmp_path: Path) -> None:
    server, _ = start_server(start, streaming_voice, KALAKAN_CACHE_BYTES="0", KALAKAN_MAX_CHARACTERS="100000")
    port = start_nginx(start, "caching-proxy.conf", tmp_path, {"server-1": server})
    padding = " " * 20_000  # more than nginx keeps in memory by default
    found = {}
    for text in (f"Maakye.{padding}Da yie.", f"Maakye.{padding}Bra ha."):
        for expected in ("MISS", "HIT"):
            body, headers = post(port, "/synthesize", {"text": text})
            assert headers["X-Cache"] == expected
            assert found.setdefault(text, body) == body
    assert len(set(found.values())) == 2


def test_a_page_and_a_refusal_pass_the_proxies(start: Start, streaming_voice: Path, tmp_path: Path) -> None:
    server, _ = start_server(start, streaming_voice)
    port = start_nginx(start, "load-balancer.conf", tmp_path, {"server-1": server, "server-2": server})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(port, "/synthesize", {"text": "..."})
    assert refused.value.code == 400
    assert "pronounceable" in refused.value.read().decode()
