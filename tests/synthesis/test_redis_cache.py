"""The cache in Redis: real servers that are shared, killed, paused and filled with garbage, and some that are none."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from kalakan import Synthesizer
from kalakan.errors import CacheWarning, ConfigError, TextError
from kalakan.synthesis.cache import CachedSynthesizer, DiskCache, RedisCache
from kalakan.synthesis.cache.record import HEADER
from kalakan.synthesis.cache.redis import INDEX, PREFIX, SIZES

KEY, OTHER, THIRD = ("ab" + letter * 62 for letter in "123")
AUDIO = np.linspace(-1, 1, 1000, dtype=np.float32)
LONG = 60.0
"""Seconds that nothing here takes: only a fault makes a test wait so long."""
pytestmark = [
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server"),
    pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets"),
]


class Server:
    """A Redis of its own, behind a Unix socket."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/redis"
        self.url = f"unix://{self.path}"
        self.start()

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no"]
        folder = Path(self.path).parent
        self.process = subprocess.Popen(
            ["redis-server", *options], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + LONG
        while True:
            with suppress(redis.ConnectionError):
                self.client.ping()
                return
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.01)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def fill_with_garbage(self) -> None:
        rng = random.Random(5)
        for name in self.client.keys(f"{PREFIX}:*"):
            self.client.set(name, rng.choice([b"", b"garbage", rng.randbytes(4000), b"KALAKAN2" * 99]))

    def records(self) -> set[str]:
        return {name.decode().rpartition(":")[2] for name in self.client.keys(f"{PREFIX}:audio:*")}


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:  # pytest's is too long a path for a socket
        server = Server(folder)
        yield server
        server.client.close()
        server.kill()


@pytest.fixture
def quiet() -> Iterator[None]:
    """A cache that cannot be used says so; that is an error in these tests, in whichever thread it is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        yield


class Counting(Synthesizer):
    """Counts what it is asked to synthesize."""

    calls = 0

    def synthesize(self, *args: Any, **changes: Any) -> Any:
        self.calls += 1
        return super().synthesize(*args, **changes)


def patient(url: str, **options: Any) -> RedisCache:
    """A cache that never finds a Redis too slow, on whatever machine."""
    return RedisCache(url, timeout_s=LONG, **options)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_audio_comes_back_as_it_was_put(server: Server) -> None:
    cache = patient(server.url)
    assert cache.get(KEY) is None
    cache.put(KEY, AUDIO)
    found = patient(server.url).get(KEY)
    assert found is not None and found.dtype == np.float32 and np.array_equal(found, AUDIO)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    cache.put(KEY, AUDIO[:10])
    found = cache.get(KEY)
    assert found is not None and len(found) == 10 and cache.get(OTHER) is None
    assert int(server.client.hget(SIZES, "total") or 0) == HEADER.size + 40


def test_the_url_of_the_environment_serves(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALAKAN_REDIS_URL", server.url)
    RedisCache(timeout_s=LONG).put(KEY, AUDIO)
    assert server.records() == {KEY}
    monkeypatch.setenv("KALAKAN_REDIS_URL", " ")
    with pytest.raises(ConfigError, match="no Redis was named; give its URL, or set KALAKAN_REDIS_URL"):
        RedisCache()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "http://:secret@host"}, "^the URL of Redis cannot be used; give redis://HOST:PORT/0"),
        ({"url": "redis://:secret@host:port"}, "^the URL of Redis cannot be used"),
        ({"url": 7}, "^the URL of Redis cannot be used"),
        ({"max_bytes": -1}, "^max_bytes is -1"),
        ({"ttl_s": 0}, "^ttl_s is 0"),
        ({"timeout_s": 0}, "^timeout_s is 0; it must be a number of seconds above 0, up to 600"),
        ({"wait_s": float("inf")}, "^wait_s is inf"),
        ({"retry_after_s": True}, "^retry_after_s is True"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        RedisCache(**{"url": "redis://nowhere", **arguments})
    assert "secret" not in str(raised.value)


def test_redis_forgets_what_was_used_longest_ago(server: Server) -> None:
    size = AUDIO.nbytes + HEADER.size
    cache = patient(server.url, max_bytes=3 * size)
    for key in (KEY, OTHER, THIRD):
        cache.put(key, AUDIO)
    assert cache.get(KEY) is not None
    cache.put("ff" + KEY[2:], AUDIO)
    assert server.records() == {KEY, THIRD, "ff" + KEY[2:]}
    cache.put(KEY, np.tile(AUDIO, 4))
    assert server.records() == {KEY, THIRD, "ff" + KEY[2:]}, "too long for the whole cache"
    cache.put(OTHER, np.tile(AUDIO, 2))
    assert server.records() == {KEY, OTHER} or server.records() == {"ff" + KEY[2:], OTHER}
    assert int(server.client.hget(SIZES, "total") or 0) <= 3 * size


def test_entries_expire(server: Server) -> None:
    cache = patient(server.url, ttl_s=0.05)
    cache.put(KEY, AUDIO)
    until(lambda: cache.get(KEY) is None and not server.records())
    patient(server.url).put(KEY, AUDIO)
    until(lambda: cache.get(KEY) is None)
    assert server.records() == {KEY}, "for one that lets it live"


def test_versions_do_not_read_each_others_audio(
    server: Server, tiny_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesizer = Counting(tiny_voice)
    for version, calls in (("1.0", 1), ("2.0", 2), ("1.0", 2), ("2.0", 2)):
        monkeypatch.setattr("kalakan.synthesis.identity.__version__", version)
        CachedSynthesizer(synthesizer, patient(server.url)).synthesize("Akwaaba!")
        assert synthesizer.calls == calls
    (record, _) = (server.client.get(f"{PREFIX}:audio:{key}") for key in server.records())
    assert isinstance(record, bytes)
    for key in server.records():  # a format to come, under the names of this one
        server.client.set(f"{PREFIX}:audio:{key}", record.replace(b"KALAKAN2", b"KALAKAN3"))
    CachedSynthesizer(synthesizer, patient(server.url)).synthesize("Akwaaba!")
    assert synthesizer.calls == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record[:-4],
        lambda record: record + b"\0\0\0\0",
        lambda record: record[:-1] + bytes([record[-1] ^ 1]),
        lambda record: b"",
        lambda record: b"garbage" * 1000,
    ],
)
def test_a_damaged_record_is_none_and_is_replaced(server: Server, damage: Callable[[bytes], bytes]) -> None:
    cache, name = patient(server.url), f"{PREFIX}:audio:{KEY}"
    cache.put(KEY, AUDIO)
    record = server.client.get(name)
    assert isinstance(record, bytes)
    server.client.set(name, damage(record))
    assert cache.get(KEY) is None
    server.client.set(f"{PREFIX}:audio:{OTHER}", record)
    assert cache.get(OTHER) is None, "the audio of another request"
    for kind in (server.client.rpush, server.client.sadd):
        server.client.delete(name, INDEX)
        kind(name, "no", "string")
        kind(INDEX, "no", "index")
        assert cache.get(KEY) is None
        with cache.reserved(KEY) as audio:
            assert audio is None
            cache.put(KEY, AUDIO)
        assert np.array_equal(cache.get(KEY), AUDIO)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "number",
    ["", "garbage", "1.5", "-7", "nan", "inf", "0x10", "1e400", str(2**63 - 1), str(2**52), "-" + "9" * 30],
)
@pytest.mark.parametrize("of", ["total", "record"])
def test_a_wrong_size_in_redis_does_not_stop_it_from_storing(server: Server, of: str, number: str) -> None:
    size = HEADER.size + AUDIO.nbytes
    cache = patient(server.url, max_bytes=2 * size)
    cache.put(KEY, AUDIO)
    server.client.hset(SIZES, "total" if of == "total" else f"{PREFIX}:audio:{KEY}", number)
    for key in (KEY, OTHER, THIRD):
        cache.put(key, AUDIO)
        assert np.array_equal(cache.get(key), AUDIO)  # type: ignore[arg-type]
    assert server.records() == {OTHER, THIRD}
    assert int(server.client.hget(SIZES, "total") or 0) == 2 * size


def test_an_index_of_garbage_costs_no_foreign_key_and_no_storing(server: Server) -> None:
    size = HEADER.size + AUDIO.nbytes
    cache = patient(server.url, max_bytes=2 * size)
    server.client.set("foreign", "kept")
    server.client.zadd(INDEX, {"foreign": 0, "gone": 1, f"{PREFIX}:audio:{KEY}": 1e300})
    server.client.hset(SIZES, mapping={"foreign": size, "total": 3 * size})
    for key in (KEY, OTHER, THIRD):
        cache.put(key, AUDIO)
        assert np.array_equal(cache.get(key), AUDIO)  # type: ignore[arg-type]
    assert server.client.get("foreign") == b"kept" and server.records() == {OTHER, THIRD}


@pytest.mark.parametrize("kind", ["redis", "disk"])
def test_processes_at_once_wait_for_one_synthesis(
    server: Server, tiny_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def cache() -> RedisCache | DiskCache:
        return patient(server.url, wait_s=LONG) if kind == "redis" else DiskCache(tmp_path, wait_s=LONG)

    synthesizer = Counting(tiny_voice)
    reached, let_go = threading.Event(), threading.Event()
    whole = synthesizer.stages.engine.whole

    def held(*args: Any) -> Any:
        reached.set()
        assert let_go.wait(LONG)
        return whole(*args)

    monkeypatch.setattr(synthesizer.stages.engine, "whole", held)
    others = [CachedSynthesizer(synthesizer, cache()) for _ in range(4)]  # they share the store alone
    with ThreadPoolExecutor() as pool:
        first = pool.submit(CachedSynthesizer(synthesizer, cache()).synthesize, "Akwaaba!")
        assert reached.wait(LONG)
        rest = [pool.submit(other.synthesize, "Akwaaba!") for other in others]
        time.sleep(0.1)  # they wait, or would synthesize
        assert synthesizer.calls == 1 and not any(one.done() for one in rest)
        let_go.set()
        assert all(np.array_equal(one.result(LONG), first.result(LONG)) for one in rest)
    assert synthesizer.calls == 1


@pytest.mark.parametrize("kind", ["redis", "disk"])
def test_nobody_waits_for_what_failed_or_does_not_come(
    server: Server, tiny_voice: Path, tmp_path: Path, kind: str
) -> None:
    def cache(wait_s: float = LONG) -> RedisCache | DiskCache:
        return patient(server.url, wait_s=wait_s) if kind == "redis" else DiskCache(tmp_path, wait_s=wait_s)

    synthesizer = Synthesizer(tiny_voice)
    for _ in range(2):
        with pytest.raises(TextError):
            CachedSynthesizer(synthesizer, cache()).synthesize("…")
    with pytest.raises(ValueError, match="broken"), cache().reserved(KEY):
        raise ValueError("broken")
    with cache().reserved(KEY) as audio, cache(wait_s=0.05).reserved(KEY) as late:
        assert audio is None and late is None


class NoRedis:
    """A server that answers anything with the same bytes, or piece by piece without an end."""

    def __init__(self, answer: bytes, is_slow: bool = False) -> None:
        self._answer, self._is_slow = answer, is_slow
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(1 << 16):
                if not self._answer:
                    return
                connection.sendall(self._answer)
                while self._is_slow:
                    time.sleep(0.005)
                    connection.sendall(b"x")

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":5\r\n" * 9,
        b"$5\r\nhello\r\n" * 9,
        b"*2\r\n$3\r\nabc\r\n:0\r\n" * 9,
        b"*2\r\n$-1\r\n:1\r\n" * 9,
        b"*1\r\n*1\r\n:7\r\n" * 9,
        b"$99999999999\r\nabc",
        b"*99999999\r\n",
        b"$-7\r\n",
        b"*0\r\n" * 9,
        random.Random(3).randbytes(5000),
    ],
)
def test_a_server_that_is_no_redis_costs_nothing_but_its_use(
    answer: bytes, tiny_voice: Path, quiet: None
) -> None:
    server = NoRedis(answer)
    synthesizer = Synthesizer(tiny_voice)
    cached = CachedSynthesizer(synthesizer, RedisCache(server.url, timeout_s=0.3, wait_s=0.05))
    for text in ("Akwaaba!", "Akwaaba!", "Da yie."):
        assert np.array_equal(cached.synthesize(text), synthesizer.synthesize(text))
    server.close()


def test_an_answer_without_an_end_is_left_and_the_server_left_alone() -> None:
    server = NoRedis(b"$99999999\r\n", is_slow=True)  # every piece is in time for a socket's time-out
    cache = RedisCache(server.url, timeout_s=0.3, retry_after_s=LONG)
    with pytest.warns(
        CacheWarning, match=r"Redis at 127\.0\.0\.1:\d+ cannot be used \(.+\); synthesis goes on"
    ):
        assert cache.get(KEY) is None
    before = server.connections
    assert cache.get(KEY) is None
    with cache.reserved(KEY) as audio:
        assert audio is None
        cache.put(KEY, AUDIO)
    assert server.connections == before == 1
    server.close()


def test_a_redis_that_serves_again_is_used_again(server: Server, quiet: None) -> None:
    cache = RedisCache(server.url, timeout_s=0.3, retry_after_s=0.05)
    cache.put(KEY, AUDIO)
    server.pause()
    assert cache.get(KEY) is None
    server.resume()
    until(lambda: cache.get(KEY) is not None)
    server.kill()
    assert cache.get(KEY) is None
    server.start()
    until(lambda: cache.put(KEY, AUDIO) is None and cache.get(KEY) is not None)


def test_killed_paused_and_filled_with_garbage_in_mid_run(
    server: Server, tiny_voice: Path, quiet: None
) -> None:
    synthesizer = Synthesizer(tiny_voice)
    texts = [f"Me wɔ nnwan {n}." for n in range(2, 14)]
    expected = {text: synthesizer.synthesize(text) for text in texts}
    caches = [RedisCache(server.url, timeout_s=0.15, retry_after_s=0.03, wait_s=0.3) for _ in range(2)]
    services = [CachedSynthesizer(synthesizer, cache) for cache in caches]
    served, wrong, failed = [0] * 6, [], []
    is_over = threading.Event()

    def call(caller: int) -> None:
        rng = random.Random(caller)
        while not is_over.is_set():
            text = rng.choice(texts)
            try:
                audio = services[caller % 2].synthesize(text)
            except Exception as error:
                failed.append(error)
                continue
            if not np.array_equal(audio, expected[text]):
                wrong.append(text)
            served[caller] += 1

    callers = [threading.Thread(target=call, args=(caller,)) for caller in range(6)]
    for caller in callers:
        caller.start()

    def meanwhile() -> None:
        goal = sum(served) + 60
        until(lambda: sum(served) >= goal or bool(failed or wrong))

    try:
        meanwhile()
        until(lambda: len(server.records()) > 0)
        for _ in range(2):
            server.pause()
            meanwhile()
            server.resume()
            meanwhile()
            for _ in range(10):
                server.fill_with_garbage()
                time.sleep(0.01)
            meanwhile()
            server.kill()
            meanwhile()
            with suppress(OSError):
                Path(server.path).unlink()
            server.start()
            meanwhile()
    finally:
        server.resume()
        is_over.set()
        for thread in callers:
            thread.join(LONG)
    assert not failed and not wrong

    def are_all_stored() -> bool:
        for text in texts:
            services[0].synthesize(text)
        return len(server.records()) == len(texts)

    until(are_all_stored)
