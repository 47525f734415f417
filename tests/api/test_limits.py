"""Limits of a server: how much it takes at once, for how long it works, and that it stops when nobody listens."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from kalakan import ParallelSynthesizer, Synthesizer
from kalakan.api.application import create_app
from kalakan.api.service import LEAST_AHEAD_S
from kalakan.api.settings import ServerSettings
from kalakan.api.usage import Usage
from kalakan.synthesis.work import VOCODE

Serve = Callable[..., TestClient]
LONG = "Maakye, wo ho te sɛn? " * 300
JSON = [(b"content-type", b"application/json")]


class Counting(Synthesizer):
    """A synthesizer that counts the pieces that it makes."""

    made = 0

    def stream(self, *arguments: Any, **named: Any) -> Any:
        stream = super().stream(*arguments, **named)
        chunks = stream.chunks()

        def counted() -> Iterator[Any]:
            for chunk in chunks:
                self.made += 1
                yield chunk

        stream._chunks = counted()  # type: ignore[assignment]
        return stream


class Connection:
    """A client of an application without a socket: what it sends and gets are ASGI's messages."""

    def __init__(self, app: Any, path: str, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self._app = app
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": content, "more_body": False})
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": JSON,
            "client": ("test", 1),
            "server": ("test", 80),
        }

    def start(self) -> asyncio.Future[None]:
        return asyncio.ensure_future(self._app(self._scope, self._messages.get, self.got.put))

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})

    async def status(self) -> int:
        message = await self.got.get()
        assert message["type"] == "http.response.start"
        return int(message["status"])


class _Running:
    """An application between its start and its end."""

    def __init__(self, voice: Path, **settings: Any) -> None:
        self.synthesizer = Counting(voice)
        self.app = create_app(ServerSettings(**settings), self.synthesizer)

    async def __aenter__(self) -> _Running:
        self._lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespan.__aenter__()
        self.synthesizer.made = 0
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._lifespan.__aexit__(None, None, None)

    @property
    def service(self) -> Any:
        return self.app.state.service


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/synthesize", "/v1/timestamps", "/v1/batch"])
def test_work_stops_with_the_piece_in_progress_when_the_client_leaves(
    streaming_voice: Path, path: str
) -> None:
    field = "input" if path == "/v1/audio/speech" else "text"

    async def leave_after_a_piece() -> None:
        async with _Running(streaming_voice, cache_bytes=0) as running:
            connection = Connection(running.app, path, {field: LONG})
            answer = connection.start()
            while not running.synthesizer.made:
                await asyncio.sleep(0)
            connection.leave()
            made = running.synthesizer.made
            await answer
            # One was in progress; another may have been asked for before the leaving was seen.
            assert running.synthesizer.made <= made + 2
            assert (running.service.open, running.service.pending) == (0, 0)
            stopped = running.synthesizer.made
            await running.service.call(lambda: None)  # the worker is free
            assert running.synthesizer.made == stopped

    asyncio.run(leave_after_a_piece())


def test_a_client_that_reads_nothing_has_nothing_made_for_it(streaming_voice: Path) -> None:
    async def read_one_piece() -> None:
        async with _Running(streaming_voice) as running:
            connection = Connection(
                running.app, "/v1/audio/speech", {"input": LONG, "response_format": "pcm"}
            )
            connection.got = asyncio.Queue(2)  # the headers and a piece: then the socket is full
            answer = connection.start()
            while not connection.got.full():
                await asyncio.sleep(0)
            while running.service.pending:  # until it keeps nobody from the CPU any more
                await asyncio.sleep(0)
            assert running.service.open == 1
            made = running.synthesizer.made
            await running.service.call(lambda: None)  # the worker is free
            assert running.synthesizer.made == made <= 3
            connection.leave()
            await answer

    asyncio.run(read_one_piece())


def test_a_full_server_says_when_to_try_again_and_serves_those_it_took(streaming_voice: Path) -> None:
    async def overload() -> None:
        async with _Running(streaming_voice, queue=2, cache_bytes=0) as running:
            body = {"text": "Maakye. " * 40}
            connections = [Connection(running.app, "/synthesize", body) for _ in range(6)]
            answers = [connection.start() for connection in connections]
            statuses = [await connection.status() for connection in connections]
            await asyncio.gather(*answers)
            assert statuses.count(200) == 2
            assert statuses.count(429) == 4
            again = Connection(running.app, "/synthesize", {"text": "Maakye."})
            answer = again.start()
            assert await again.status() == 200
            await answer

    asyncio.run(overload())


def test_a_refusal_has_a_retry_after(streaming_voice: Path) -> None:
    async def refused() -> dict[bytes, bytes]:
        async with _Running(streaming_voice, queue=1, cache_bytes=0) as running:
            first = Connection(running.app, "/synthesize", {"text": LONG})
            second = Connection(running.app, "/v1/audio/speech", {"input": "Maakye."})
            answer = first.start()
            while not running.synthesizer.made:
                await asyncio.sleep(0)
            await second.start()
            message = await second.got.get()
            first.leave()
            await answer
            assert message["status"] == 429
            return dict(message["headers"])

    assert int(asyncio.run(refused())[b"retry-after"]) >= 1


def test_the_deadline_ends_the_work(streaming_voice: Path) -> None:
    async def late() -> None:
        async with _Running(streaming_voice, deadline_s=0.1, max_characters=10**6, cache_bytes=0) as running:
            connection = Connection(running.app, "/synthesize", {"text": LONG * 20})
            await connection.start()
            assert await connection.status() == 408
            assert json.loads((await connection.got.get())["body"])["error"]["code"] == "deadline_exceeded"
            made = running.synthesizer.made
            await running.service.call(lambda: None)
            assert running.synthesizer.made == made

    asyncio.run(late())


def test_the_event_loop_answers_between_two_pieces(streaming_voice: Path) -> None:
    """However busy the workers are: the probes are answered while they are, not after."""

    async def probe() -> None:
        async with _Running(streaming_voice, cache_bytes=0) as running:
            busy = [Connection(running.app, "/synthesize", {"text": LONG}) for _ in range(4)]
            answers = [connection.start() for connection in busy]
            while not running.synthesizer.made:
                await asyncio.sleep(0)
            for _ in range(20):
                health = Connection(running.app, "/normalize", {})
                health._scope |= {"method": "GET", "path": "/health"}
                await health.start()
                assert await health.status() == 200
            assert not any(answer.done() for answer in answers)
            for connection in busy:
                connection.leave()
            await asyncio.gather(*answers)

    asyncio.run(probe())


def test_long_texts_take_turns_with_short_ones(streaming_voice: Path) -> None:
    async def both() -> None:
        async with _Running(streaming_voice, max_characters=10**6, cache_bytes=0) as running:
            long = Connection(running.app, "/synthesize", {"text": LONG * 5})
            waiting = long.start()
            while not running.synthesizer.made:
                await asyncio.sleep(0)
            short = Connection(running.app, "/synthesize", {"text": "Maakye."})
            await short.start()
            assert await short.status() == 200
            assert not waiting.done()
            long.leave()
            await waiting

    asyncio.run(both())


@pytest.mark.parametrize("is_heard", [False, True])
def test_who_hears_nothing_yet_goes_before_all_others(streaming_voice: Path, is_heard: bool) -> None:
    """A worker is at work, five others wait, and then a stream comes: it is next, unless it is heard already."""
    steps: list[str] = []
    release = threading.Event()

    def source(name: str) -> Iterator[bytes]:
        steps.append(name)
        if name == "first":
            assert release.wait(60)
        yield b"."

    async def run() -> None:
        async with _Running(streaming_voice) as running:
            service = running.service
            with ParallelSynthesizer(synthesizer=running.synthesizer, workers=1) as parallel:
                service.parallel = parallel

                async def spoken(name: str, is_whole: bool) -> None:
                    usage = service.usage()
                    usage.is_heard = is_heard
                    async with aclosing(service.items(source(name), usage, is_whole=is_whole)) as items:
                        async for _ in items:
                            assert name != "stream" or service.unheard == 0

                async def waiting(count: int) -> None:
                    while parallel.metrics()["stages"][VOCODE]["depth"] < count:
                        await asyncio.sleep(0)

                tasks = [asyncio.ensure_future(spoken("first", True))]
                while not steps:
                    await asyncio.sleep(0)
                tasks += [asyncio.ensure_future(spoken("other", True)) for _ in range(5)]
                await waiting(5)
                tasks.append(asyncio.ensure_future(spoken("stream", False)))
                await waiting(6)
                assert service.unheard == (not is_heard)
                release.set()
                await asyncio.gather(*tasks)

    asyncio.run(run())
    others = ["other"] * 5
    assert steps == (["first", *others, "stream"] if is_heard else ["first", "stream", *others])


def test_a_stream_that_would_halt_goes_first_again() -> None:
    usage = Usage(sample_rate=1000)
    assert usage.ahead_s(5.0) < LEAST_AHEAD_S, "nothing is heard yet"
    usage.samples = 2000
    usage.heard(5.0)
    assert (usage.ahead_s(5.0), usage.ahead_s(6.6)) == (2.0, pytest.approx(0.4))
    usage.samples += 3000
    assert usage.ahead_s(6.6) == pytest.approx(3.4)
    later = Usage(sample_rate=1000, is_heard=True)
    assert later.ahead_s(0.0) > LEAST_AHEAD_S, "the sentence before it is heard"


def test_a_stream_that_ends_unheard_is_not_waited_for(streaming_voice: Path) -> None:
    async def run() -> None:
        async with _Running(streaming_voice) as running:
            for body in ({"input": "…"}, {"input": "Maakye. " * 40}):
                connection = Connection(running.app, "/v1/audio/speech", body)
                answer = connection.start()
                connection.leave()
                await answer
                assert running.service.unheard == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "path", "body", "code"),
    [
        ({"max_characters": 10}, "/synthesize", {"text": "a" * 11}, "text_too_long"),
        ({"max_stream_characters": 10}, "/v1/audio/speech", {"input": "a" * 11}, "text_too_long"),
        ({"max_characters": 10}, "/v1/timestamps", {"text": "a" * 11}, "text_too_long"),
        ({"max_characters": 10}, "/phonemize", {"text": "a" * 11}, "text_too_long"),
        ({"max_stream_characters": 10}, "/normalize", {"text": "a" * 11}, "text_too_long"),
        ({"max_body_bytes": 1024}, "/normalize", {"text": "a" * 1024}, "body_too_large"),
    ],
)
def test_what_is_too_long_is_a_413(
    serve: Serve, settings: dict[str, int], path: str, body: dict[str, str], code: str
) -> None:
    answer = serve(**settings).post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, code)


def test_a_body_without_a_length_is_counted(serve: Serve) -> None:
    content = json.dumps({"text": "a" * 2000}).encode()
    pieces = (content[start : start + 100] for start in range(0, len(content), 100))
    answer = serve(max_body_bytes=1024).post(
        "/normalize", content=pieces, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def batch(client: TestClient, *rows: Any) -> Any:
    lines = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    return client.post("/v1/batch", content=lines, headers={"Content-Type": "application/x-ndjson"})


def test_a_batch_answers_in_order_and_one_error_costs_no_other(client: TestClient) -> None:
    rows = [
        {"text": "Maakye.", "id": "a"},
        {"text": "…", "id": 2},
        "x",
        {"text": "Da yie.", "speaker": "nobody"},
    ]
    answer = batch(client, *rows, {"text": "Da yie.", "format": "mp3", "seed": 3})
    assert answer.headers["content-type"] == "application/x-ndjson"
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [item["index"] for item in found] == [0, 1, 2, 3, 4]
    assert [item["id"] for item in found] == ["a", 2, None, None, None]
    errors = [item["error"]["code"] if "error" in item else None for item in found]
    assert errors == [None, "invalid_value", "invalid_json", "voice_not_found", None]
    alone = client.post("/synthesize", json={"text": "Maakye.", "answer": "json"}).json()
    assert {name: found[0][name] for name in alone} == alone


def test_a_batch_has_a_limit(serve: Serve) -> None:
    client = serve(max_rows=2)
    assert batch(client, *[{"text": "a"}] * 2).status_code == 200
    assert batch(client, *[{"text": "a"}] * 3).json()["error"]["code"] == "too_many_rows"
    assert batch(client, "").status_code == 400


def test_many_clients_get_what_one_alone_gets(streaming_voice: Path) -> None:
    texts = [f"Me wɔ GHS {number}." for number in range(8)]

    async def all_at_once() -> list[bytes]:
        async with _Running(streaming_voice, queue=64, cache_bytes=0) as running:
            connections = [
                Connection(running.app, "/synthesize", {"text": text, "format": "pcm"}) for text in texts * 2
            ]
            await asyncio.gather(*(connection.start() for connection in connections))
            bodies = []
            for connection in connections:
                assert await connection.status() == 200
                bodies.append((await connection.got.get())["body"])
            return bodies

    synthesizer = Synthesizer(streaming_voice)
    expected = [np.asarray(synthesizer.synthesize(text)) for text in texts]
    for body, audio in zip(asyncio.run(all_at_once()), expected * 2, strict=True):
        assert np.array_equal(
            np.frombuffer(body, "<i2"), (audio.astype(float) * 2**31).round().astype(int) >> 16
        )


def test_an_iterator_of_ones_own_is_closed_at_its_end(streaming_voice: Path) -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            yield from range(5)
        finally:
            closed.append(True)

    async def first(parallel: Any) -> list[int]:
        found = []
        async with aclosing(parallel.aiterate(source())) as items:
            items_of: AsyncIterator[int] = items
            async for item in items_of:
                found.append(item)
                if item == 2:
                    break
        return found

    with ParallelSynthesizer(synthesizer=Synthesizer(streaming_voice)) as parallel:
        assert asyncio.run(first(parallel)) == [0, 1, 2]
    assert closed == [True]


def test_the_memory_that_loading_took_is_returned(
    streaming_voice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once when the server is ready; with the voice loaded before a fork, in the parent as well."""
    returned: list[str] = []
    monkeypatch.setattr("kalakan.api.memory._trim", lambda: lambda: returned.append("now"))
    with TestClient(create_app(ServerSettings(voice=str(streaming_voice)))):
        assert returned == ["now"]
    returned.clear()
    create_app(ServerSettings(voice=str(streaming_voice), is_preloaded=True))
    gc.unfreeze()
    assert returned == ["now"]
