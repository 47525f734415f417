"""python benches/server.py [VOICE] [--seconds N | --soak SECONDS] [--output]: the HTTP server under load.

The server runs on one core and its client on another: time to ready and memory; time to the first byte of a paragraph;
then, with requests that come at random, 80 % of what the server can do and five times as much. Every body is compared
with what one request alone gets. With --output writes benches/results/server-cpu-<date>.json. Meant for a machine with
two idle cores: the load before the run is written down. --note is written into the file.

--soak SECONDS is 80 % for that long and nothing else, in several formats, with the memory over time; it writes
server-soak-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from kalakan.benchmark.machine import cpu_model
from synthesis import RESULTS, voice_name

SENTENCES = Path(__file__).parent / "data" / "sentences.txt"
PARAGRAPH_S = 20.0
LIMITS = {
    "ready_s": 1.0,
    "memory_mb": 150.0,
    "first_byte_ms": 40.0,
    "p99_to_median_first_byte": 4.0,
    "memory_growth_mb": 30.0,
    "overload_p95_to_load_p95": 2.0,
    "refused_p95_ms": 50.0,
    "health_p95_ms": 50.0,
    "recovery_s": 2.0,
    "preloaded_pss_to_own": 0.6,
}
"""What the server promises; the largest value of each."""
LOAD = 0.8
OVERLOAD = 5.0
SERVER_CORE, CLIENT_CORE = 0, 1
LOST = 0
"""Status of a request whose connection ended before its answer did."""
WITHOUT_CACHE = {"KALAKAN_CACHE_BYTES": "0", "KALAKAN_NUM_THREADS": "1"}


@dataclass(frozen=True, eq=False)
class Ask:
    """A request and, once it was answered alone, the body that it should get."""

    path: str
    body: dict[str, Any]
    is_stream: bool


@dataclass(frozen=True)
class Outcome:
    """What became of one request; times in seconds from when it was due. `is_right`: the body is what it gets alone."""

    ask: Ask
    status: int
    first_byte: float
    end: float
    is_right: bool
    is_paused: bool = False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(
    command: Sequence[str], port: int, *, core: int | None = SERVER_CORE, **variables: str
) -> Iterator[tuple[int, float]]:
    """A server, on one core unless that is None: its process id, and the seconds until it was ready."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("KALAKAN_")} | variables
    own = os.sched_getaffinity(0)
    begin = time.perf_counter()
    if core is not None:
        os.sched_setaffinity(0, {core})  # the child inherits it
    try:
        # In another folder: a checkout has no compiled core.
        process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir())
    finally:
        os.sched_setaffinity(0, own)
    try:
        with httpx.Client() as client:
            while True:
                try:
                    if client.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, "the server ended"
                    time.sleep(0.005)
        yield process.pid, time.perf_counter() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def serve_command(port: int, voice: str | None) -> list[str]:
    chosen = ["--voice", str(Path(voice).resolve())] if voice else []
    return [sys.executable, "-m", "kalakan", "serve", "--port", str(port), *chosen]


def memory_mb(process: int, kind: str = "Rss") -> float:
    """Resident memory; with `kind` "Pss" the proportional share, with "Private_Dirty" what is shared with nobody."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"the system says nothing of {kind}")


def percentile(values: Sequence[float], part: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))]


async def first_bytes(url: str, text: str, rounds: int) -> dict[str, Any]:
    """Milliseconds to the first byte of the body, one request after the other, each with a seed of its own."""
    found: dict[str, list[float]] = {"pcm": [], "mp3": []}
    async with httpx.AsyncClient(timeout=60) as client:
        for number in range(rounds):
            for name, times in found.items():
                body = {"input": text, "response_format": name, "seed": number}
                begin = time.perf_counter()
                async with client.stream("POST", f"{url}/v1/audio/speech", json=body) as answer:
                    assert answer.status_code == 200
                    async for _ in answer.aiter_raw():
                        times.append((time.perf_counter() - begin) * 1000)
                        break
                await asyncio.sleep(0.2)  # the rest of it ends
    return {
        name: {"median": round(statistics.median(times), 2), "least": round(min(times), 2)}
        for name, times in found.items()
    }


def streams(texts: Sequence[str]) -> list[Ask]:
    """Each text as a stream of samples."""
    return [Ask("/synthesize", {"text": text, "format": "pcm", "stream": True}, True) for text in texts]


def several_formats(texts: Sequence[str]) -> list[Ask]:
    """Texts as streams of samples, of MP3, and as whole files, by each speaker's name in OpenAI's list."""
    asks = []
    for number, text in enumerate(texts):
        voice = ("alloy", "ash", "ballad", "cedar")[number % 4]
        form = ("pcm", "mp3", "wav", "flac")[number // 4 % 4]
        body = {"input": text, "voice": voice, "response_format": form}
        asks.append(Ask("/v1/audio/speech", body, form in ("pcm", "mp3")))
    return asks


async def one(
    client: httpx.AsyncClient, url: str, ask: Ask, due: float, expected: dict[Ask, bytes]
) -> Outcome:
    first = 0.0
    content = b""
    status = LOST
    with suppress(httpx.TransportError):
        async with client.stream("POST", f"{url}{ask.path}", json=ask.body) as answer:
            async for piece in answer.aiter_raw():
                first = first or time.perf_counter()
                content += piece
            status = answer.status_code
    end = time.perf_counter()
    return Outcome(ask, status, (first or end) - due, end - due, content == expected[ask])


class Pauses:
    """When this process was stopped as a whole, as other measurements on a machine do, and its server with it: requests
    of that time are counted for themselves."""

    STEP_S, LEAST_S = 0.1, 1.0

    def __init__(self) -> None:
        self.found: list[tuple[float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Pauses:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        before = time.perf_counter()
        while not self._ended.wait(self.STEP_S):
            now = time.perf_counter()
            if now - before > self.LEAST_S:
                self.found.append((before, now))
            before = now

    def marked(self, outcome: Outcome, due: float) -> Outcome:
        """An outcome with whether a pause fell into it."""
        is_paused = any(begin < due + outcome.end and end > due for begin, end in self.found)
        return replace(outcome, is_paused=is_paused)


async def at_random(
    url: str, asks: Sequence[Ask], rate: float, seconds: float, expected: dict[Ask, bytes]
) -> list[Outcome]:
    """Requests that come at random, `rate` a second, whether or not the ones before are answered."""
    rng = random.Random(7)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=300, limits=limits) as client:
        with Pauses() as pauses:
            running: dict[asyncio.Future[Outcome], float] = {}
            ended: list[tuple[Outcome, float]] = []
            begin = due = time.perf_counter()
            while due - begin < seconds:
                due += rng.expovariate(rate)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if time.perf_counter() - due > Pauses.LEAST_S:  # what was due in a pause is not made up for
                    due = time.perf_counter()
                task = asyncio.ensure_future(one(client, url, rng.choice(asks), due, expected))
                running[task] = due
                for done in [item for item in running if item.done()]:
                    ended.append((done.result(), running.pop(done)))
            await asyncio.gather(*running)
        ended += [(task.result(), due) for task, due in running.items()]
        return [pauses.marked(outcome, due) for outcome, due in ended]


async def alone(url: str, asks: Sequence[Ask]) -> tuple[dict[Ask, bytes], float]:
    """The body of each request, and the mean seconds of one, when they come one after the other."""
    expected: dict[Ask, bytes] = {}
    async with httpx.AsyncClient(timeout=60) as client:

        async def all_of_them() -> float:
            begin = time.perf_counter()
            for ask in asks:
                answer = await client.post(f"{url}{ask.path}", json=ask.body)
                assert answer.status_code == 200, answer.text
                assert expected.setdefault(ask, answer.content) == answer.content
            return (time.perf_counter() - begin) / len(asks)

        await all_of_them()
        return expected, statistics.median([await all_of_them() for _ in range(3)])


async def probed(url: str, load: Coroutine[Any, Any, list[Outcome]]) -> tuple[list[Outcome], list[float]]:
    """What becomes of a load, and the milliseconds of `/health` meanwhile."""
    times: list[float] = []
    task = asyncio.ensure_future(load)
    async with httpx.AsyncClient(timeout=60) as client:
        while not task.done():
            begin = time.perf_counter()
            assert (await client.get(f"{url}/health")).status_code == 200
            times.append((time.perf_counter() - begin) * 1000)
            await asyncio.sleep(0.1)
    return task.result(), times


async def recovery(url: str, text: str, usual: float) -> float:
    """Seconds until a request is answered in twice its usual time, or less."""
    begin = time.perf_counter()
    async with httpx.AsyncClient(timeout=60) as client:
        while True:
            start = time.perf_counter()
            answer = await client.post(f"{url}/synthesize", json={"text": text, "format": "pcm"})
            if answer.status_code == 200 and time.perf_counter() - start <= 2 * usual:
                return start - begin
            assert start - begin < 60, "the server does not recover"


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What became of requests. Of those into which a pause fell, only the bodies count: the pause made them late."""
    paused = [item for item in outcomes if item.is_paused]
    timed = [item for item in outcomes if not item.is_paused]
    taken = [item for item in timed if item.status == 200]
    refused = [item for item in timed if item.status == 429]
    begun = [item.first_byte for item in taken if item.ask.is_stream]
    found: dict[str, Any] = {
        "requests": len(outcomes),
        "accepted": sum(item.status == 200 for item in outcomes),
        "refused": sum(item.status == 429 for item in outcomes),
        "other_statuses": sorted({item.status for item in timed} - {200, 429}),
        "wrong_bodies": sum(item.status == 200 and not item.is_right for item in outcomes),
        "first_byte_ms": {
            "median": round(1000 * percentile(begun, 0.5), 2),
            "p99": round(1000 * percentile(begun, 0.99), 2),
        },
        "end_p95_ms": round(1000 * percentile([item.end for item in taken], 0.95), 2),
    }
    if refused:
        found["refused_p95_ms"] = round(1000 * percentile([item.end for item in refused], 0.95), 2)
    if paused:
        statuses = sorted({item.status for item in paused})
        found["in_a_pause"] = {"requests": len(paused), "statuses": statuses}
    return found


def under_load(voice: str | None, texts: Sequence[str], seconds: float) -> dict[str, Any]:
    """80 % of what the server can do, then five times as much. Without a cache: every request is work."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    asks = streams(texts)
    with server(serve_command(port, voice), port, **WITHOUT_CACHE) as (process, _):
        expected, usual = asyncio.run(alone(url, asks))
        before = memory_mb(process)
        load = summary(asyncio.run(at_random(url, asks, LOAD / usual, seconds, expected)))
        grown = memory_mb(process) - before
        crowd = at_random(url, asks, OVERLOAD / usual, seconds / 4, expected)
        outcomes, health = asyncio.run(probed(url, crowd))
        overload = summary(outcomes)
        recovered = asyncio.run(recovery(url, texts[0], usual))
    first = load["first_byte_ms"]
    return {
        "seconds": seconds,
        "one_request_ms": round(usual * 1000, 2),
        "load": load,
        "overload": overload,
        "p99_to_median_first_byte": round(first["p99"] / first["median"], 2),
        "memory_growth_mb": round(grown, 1),
        "overload_p95_to_load_p95": round(overload["end_p95_ms"] / load["end_p95_ms"], 2),
        "refused_p95_ms": overload.get("refused_p95_ms"),
        "health_p95_ms": round(percentile(health, 0.95), 2),
        "health_most_ms": round(max(health), 2),
        "recovery_s": round(recovered, 2),
    }


def soak(
    voice: str | None, texts: Sequence[str], seconds: float, *, core: int | None = SERVER_CORE
) -> dict[str, Any]:
    """80 % of what the server can do, in several formats; every body is compared, the memory is seen over time."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    asks = several_formats(texts)
    with server(serve_command(port, voice), port, core=core, **WITHOUT_CACHE) as (process, _):
        expected, usual = asyncio.run(alone(url, asks))
        memory = [memory_mb(process)]

        async def watched() -> list[Outcome]:
            load = asyncio.ensure_future(at_random(url, asks, LOAD / usual, seconds, expected))
            while not load.done():
                await asyncio.wait((load,), timeout=max(1.0, seconds / 60))
                memory.append(memory_mb(process))
            return load.result()

        found = summary(asyncio.run(watched()))
    first = found["first_byte_ms"]
    return {
        "seconds": seconds,
        "one_request_ms": round(usual * 1000, 2),
        "load": found,
        "p99_to_median_first_byte": round(first["p99"] / first["median"], 2),
        "memory_growth_mb": round(max(memory) - memory[0], 1),
        "memory_over_time_mb": [round(item, 1) for item in memory],
    }


def starting(voice: str | None, rounds: int, text: str) -> dict[str, Any]:
    """Seconds to ready, memory after some requests, and the first byte of a paragraph."""
    ready, memory = [], 0.0
    found: dict[str, Any] = {}
    for number in range(rounds):
        port = free_port()
        with server(serve_command(port, voice), port) as (process, seconds):
            ready.append(seconds)
            if number == rounds - 1:
                found = asyncio.run(first_bytes(f"http://127.0.0.1:{port}", text, 15))
                memory = memory_mb(process)
    return {
        "ready_s": round(statistics.median(ready), 3),
        "ready_of_each_start_s": [round(item, 3) for item in ready],
        "memory_mb": round(memory, 1),
        "first_byte_of_paragraph_ms": found,
        "first_byte_ms": found["pcm"]["median"],
    }


def second_worker(voice: str | None) -> dict[str, Any]:
    """The proportional memory of two workers of gunicorn: each loads everything, or the modules are imported before the
    fork (`--preload`), or the voice is loaded before it as well (`KALAKAN_PRELOAD=1`). What the cache holds is no part
    of it: there is none."""
    shares: dict[str, list[float]] = {}
    own: dict[str, list[float]] = {}
    ways = {"nothing": ([], "0"), "modules": (["--preload"], "0"), "voice": (["--preload"], "1")}
    for name, (options, preload) in ways.items():
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-w", "2", "-k", "kalakan.api.worker.Worker", *options]
        command += ["-b", f"127.0.0.1:{port}", "kalakan.api.server:app"]
        variables = {"KALAKAN_PRELOAD": preload, **WITHOUT_CACHE}
        if voice:
            variables["KALAKAN_VOICE"] = str(Path(voice).resolve())
        with server(command, port, **variables) as (process, _):
            time.sleep(2)
            for number in range(40):
                body = {"text": "Maakye, wo ho te sɛn?", "seed": number}
                httpx.post(f"http://127.0.0.1:{port}/synthesize", json=body, timeout=60)
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
            shares[name] = [round(memory_mb(int(child), "Pss"), 1) for child in children]
            own[name] = [round(memory_mb(int(child), "Private_Dirty"), 1) for child in children]
    return {
        "worker_pss_mb_by_what_is_preloaded": shares,
        "worker_private_mb_by_what_is_preloaded": own,
        "preloaded_pss_to_own": round(max(shares["voice"]) / max(shares["nothing"]), 3),
        "preloaded_pss_to_preloaded_modules": round(max(shares["voice"]) / max(shares["modules"]), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("voice", nargs="?")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the load")
    parser.add_argument("--soak", type=float, default=0.0, metavar="SECONDS", help="80 %% load, nothing else")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--note", default="", help="what else ran")
    parser.add_argument("--output", action="store_true")
    given = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    load_before = os.getloadavg()
    if given.soak:
        what, name = "the HTTP server under 80 % load for a long time", "server-soak"
        found = soak(given.voice, lines[:80], given.soak)
    else:
        what, name = "the HTTP server: start, memory, first byte, load, overload", "server"
        paragraph, seconds = paragraph_of(lines, given.voice)
        found = {
            "paragraph_s": seconds,
            **starting(given.voice, given.starts, paragraph),
            **second_worker(given.voice),
            **under_load(given.voice, lines[:40], given.seconds),
        }
    record = {
        "what": what,
        "command": " ".join(["python", "benches/server.py", *sys.argv[1:]]),
        "limits": {name: limit for name, limit in LIMITS.items() if name in found},
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "python": platform.python_version(),
        "voice": voice_name(given.voice or ""),
        "load_average_before": [round(item, 2) for item in load_before],
        "note": given.note,
        **found,
    }
    record["missed"] = [
        name for name, limit in LIMITS.items() if record.get(name) is not None and record[name] > limit
    ]
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    sys.stdout.write(text)
    if given.output:
        (RESULTS / f"{name}-cpu-{record['date']}.json").write_text(text, encoding="utf-8")


def paragraph_of(lines: Sequence[str], voice: str | None) -> tuple[str, float]:
    """Sentences of about 20 seconds in all."""
    from kalakan import Synthesizer

    synthesizer = Synthesizer(voice)
    text, seconds = "", 0.0
    for line in lines:
        if seconds >= PARAGRAPH_S:
            break
        text = f"{text} {line}".strip()
        seconds = len(synthesizer.synthesize(text)) / synthesizer.sample_rate
    return text, round(seconds, 2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TMPDIR"] = scratch
        main()
