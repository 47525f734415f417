"""Blocks of the guide's chapter Deployment Optimization."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi import BackgroundTasks, FastAPI, Request, Response
from fastapi.testclient import TestClient

from kalakan.synthesis.synthesizer import Synthesizer

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="needs the program nginx")


def test_api_optimization(models: Any, text: str) -> None:
    app = FastAPI()
    count = torch.cuda.device_count()

    # Create a pool of synthesizers
    synthesizer_pool = [
        Synthesizer(
            acoustic_model=models.acoustic,
            vocoder=models.vocoder,
            device=f"cuda:{i % count}" if count else "cpu",
        )
        for i in range(4)  # Adjust based on number of workers
    ]

    # Use a semaphore to limit concurrent requests
    semaphore = asyncio.Semaphore(4)

    async def synthesize(request: Request, background_tasks: BackgroundTasks) -> Response:
        text = (await request.json()).get("text", "")

        async with semaphore:
            # Get a synthesizer from the pool
            synthesizer_idx = hash(text) % len(synthesizer_pool)
            synthesizer = synthesizer_pool[synthesizer_idx]

            # Synthesize speech in a background task
            audio = await asyncio.to_thread(synthesizer.synthesize, text)

            # Convert audio to WAV
            buffer = io.BytesIO()
            await asyncio.to_thread(synthesizer.save_audio, audio, buffer)
            buffer.seek(0)

            return Response(content=buffer.read(), media_type="audio/wav")

    # This module postpones annotations, which FastAPI looks up among the names of the module.
    app.post("/synthesize")(synthesize)
    with TestClient(app) as client:
        answers = [client.post("/synthesize", json={"text": given}) for given in (text, "Yoo", text)]
    assert all(answer.status_code == 200 for answer in answers)
    assert all(answer.headers["content-type"] == "audio/wav" for answer in answers)
    assert all(answer.content.startswith(b"RIFF") for answer in answers)
    assert answers[0].content == answers[2].content != answers[1].content


# The guide's, as it is printed.
LOAD_BALANCING = """
http {
    upstream kalakan_backend {
        server 192.168.1.101:8000;
        server 192.168.1.102:8000;
        server 192.168.1.103:8000;
        server 192.168.1.104:8000;
    }

    server {
        listen 80;

        location / {
            proxy_pass http://kalakan_backend;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
        }
    }
}
"""
CACHING = """
http {
    proxy_cache_path /var/cache/nginx levels=1:2 keys_zone=kalakan_cache:10m max_size=10g inactive=60m;

    server {
        listen 80;

        location / {
            proxy_pass http://localhost:8000;
            proxy_cache kalakan_cache;
            proxy_cache_key "$request_method|$request_uri|$request_body";
            proxy_cache_valid 200 24h;
            proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
            proxy_cache_lock on;
        }
    }
}
"""
CACHES_POSTS = "proxy_cache_methods GET HEAD POST;"
"""Without it nginx caches no answer to POST, which is what a text is sent with."""


def complete(config: str, folder: Path) -> Path:
    """A file that nginx accepts: the guide leaves out `events`, and the rest keeps to `folder`."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    places += f"\naccess_log {folder / 'access.log'};"
    whole = f"events {{}}\npid {folder / 'pid'};\nerror_log {folder / 'error.log'};\n" + config.replace(
        "http {", f"http {{\n{places}", 1
    ).replace("/var/cache/nginx", str(folder / "cache"))
    path = folder / "nginx.conf"
    path.write_text(whole, encoding="utf-8")
    return path


@needs_nginx
@pytest.mark.parametrize("config", [LOAD_BALANCING, CACHING], ids=["load balancing", "caching"])
def test_nginx_accepts_the_configurations(config: str, tmp_path: Path) -> None:
    assert NGINX is not None
    command = [NGINX, "-t", "-c", str(complete(config, tmp_path)), "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr


class Backend(BaseHTTPRequestHandler):
    """Answers with the number of the request to its server, and the headers that it got."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        content = str(self.server.server_port).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def backend() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        server.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def nginx(config: str, folder: Path) -> Iterator[str]:
    """The address at which a configuration serves, on a free port in place of 80."""
    assert NGINX is not None
    port = free_port()
    path = complete(config.replace("listen 80;", f"listen 127.0.0.1:{port};"), folder)
    command = [NGINX, "-c", str(path), "-p", str(folder), "-g", "daemon off; master_process off;"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_for(port)
        yield f"http://127.0.0.1:{port}/synthesize"
        process.terminate()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something listens; a minute at most, and then the request fails."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def post(address: str, text: str) -> str:
    """The answer as text."""
    return post_bytes(address, text).decode()


def post_bytes(address: str, text: str) -> bytes:
    headers = {"Host": "kalakan.example", "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps({"text": text}).encode(), headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error


@needs_nginx
def test_load_balancing_serves(tmp_path: Path) -> None:
    with backend() as one, backend() as other:
        config = re.sub(r" +server 192\.168\.1\.10[34]:8000;\n", "", LOAD_BALANCING)
        for number, server in ((101, one), (102, other)):
            config = config.replace(f"192.168.1.{number}:8000", f"127.0.0.1:{server.server_port}")
        with nginx(config, tmp_path) as address:
            found = [post(address, "Yoo") for _ in range(4)]
        assert sorted(found) == sorted([str(one.server_port), str(other.server_port)] * 2)
        assert one.seen[0]["Host"] == "kalakan.example"
        assert one.seen[0]["X-Real-IP"] == "127.0.0.1"


@needs_nginx
def test_caching_proxy_serves(tmp_path: Path) -> None:
    with backend() as server:
        config = CACHING.replace("localhost:8000", f"127.0.0.1:{server.server_port}")
        config = config.replace("proxy_cache_lock on;", f"proxy_cache_lock on;\n{CACHES_POSTS}")
        with nginx(config, tmp_path) as address:
            for text in ("Yoo", "Yoo", "Aane", "Yoo"):
                assert post(address, text) == str(server.server_port)
        assert len(server.seen) == 2  # a request for each text


# The guide's, as it is printed.
DOCKERFILE = """
# Dockerfile with performance optimizations
FROM python:3.9-slim

# Install dependencies
RUN apt-get update && apt-get install -y \\
    build-essential \\
    libsndfile1 \\
    && rm -rf /var/lib/apt/lists/*

# Install Kalakan TTS
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

# Copy application code
COPY . .

# Copy models
COPY models /models

# Set environment variables
ENV KALAKAN_ACOUSTIC_MODEL=/models/acoustic_model.pt
ENV KALAKAN_VOCODER=/models/vocoder.pt
ENV KALAKAN_DEVICE=cuda:0
ENV OMP_NUM_THREADS=4
ENV PYTHONUNBUFFERED=1

# Expose port
EXPOSE 8000

# Run the API server with optimized settings
CMD ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "--timeout", "300", "--preload", \
"kalakan.api.server:app"]
"""


def instructions(content: str) -> list[tuple[str, str]]:
    """Instructions of a Dockerfile with their arguments, lines joined and comments left out."""
    lines = [line for line in content.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, _, rest in (line.partition(" ") for line in lines)]


def test_dockerfile_is_understood() -> None:
    found = instructions(DOCKERFILE)
    names = [name for name, _ in found]
    assert names == ["FROM", "RUN", "COPY", "RUN", "COPY", "COPY", *["ENV"] * 5, "EXPOSE", "CMD"]
    environment = dict(rest.split("=", 1) for name, rest in found if name == "ENV")
    assert environment["KALAKAN_DEVICE"] == "cuda:0"
    assert all(re.fullmatch(r"[A-Z][A-Z_]*", name) for name in environment)
    (start,) = (json.loads(rest) for name, rest in found if name == "CMD")
    assert start[0] == "gunicorn"
    assert start[-1].split(":") == ["kalakan.api.server", "app"]
    for name, rest in found:
        if name == "RUN":
            checked = subprocess.run(["sh", "-n", "-c", rest], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn runs on POSIX")
def test_gunicorn_serves(models: Any, text: str, tmp_path: Path) -> None:
    """The command that ends the Dockerfile, and that a comment of API Optimization gives."""
    (start,) = (json.loads(rest) for name, rest in instructions(DOCKERFILE) if name == "CMD")
    start[start.index("-w") + 1] = "2"  # workers of a small machine
    port = free_port()
    environment = {
        "KALAKAN_ACOUSTIC_MODEL": models.acoustic,
        "KALAKAN_VOCODER": models.vocoder,
        "KALAKAN_DEVICE": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", *start, "--bind", f"127.0.0.1:{port}"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, cwd=tmp_path, env=os.environ | environment, stderr=log) as server,
    ):
        try:
            wait_for(port)
            content = post_bytes(f"http://127.0.0.1:{port}/synthesize", text)
        finally:
            server.terminate()
    assert content.startswith(b"RIFF"), (tmp_path / "log").read_text()
