"""The Wyoming protocol, with the client of its own library."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

from kalakan import Synthesizer
from kalakan.api.service import Service
from kalakan.api.settings import ServerSettings
from kalakan.api.wyoming_service import Connection

WORDS = "Maakye. Wo ho te sɛn?"


def with_client(voice: Path, talk: Callable[[AsyncTcpClient], Awaitable[None]]) -> None:
    async def talked() -> None:
        service = Service(ServerSettings(voice=str(voice)))

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await Connection(service, reader, writer).run()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server, AsyncTcpClient("127.0.0.1", server.sockets[0].getsockname()[1]) as client:
            await talk(client)
        assert (service.open, service.pending) == (0, 0)
        service.close()

    asyncio.run(talked())


async def heard(client: AsyncTcpClient, last: str) -> tuple[list[Event], bytes]:
    """The events up to one of type `last` or an error, and their audio."""
    events: list[Event] = []
    while not events or events[-1].type not in (last, "error"):
        event = await client.read_event()
        assert event is not None
        events.append(event)
    return events, b"".join(event.payload or b"" for event in events if AudioChunk.is_type(event.type))


def test_describe_and_ping(streaming_voice: Path) -> None:
    async def talk(client: AsyncTcpClient) -> None:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        (program,) = Info.from_event(event).tts
        assert program.supports_synthesize_streaming
        assert [voice.name for voice in program.voices] == ["kalakan", "akosua", "kwame"]
        assert all(voice.languages[0] == "tw" for voice in program.voices)
        await client.write_event(Ping(text="here").event())
        event = await client.read_event()
        assert event is not None
        assert Pong.from_event(event).text == "here"

    with_client(streaming_voice, talk)


@pytest.mark.parametrize("voice", [SynthesizeVoice("kwame"), SynthesizeVoice("kalakan", speaker="kwame")])
def test_a_text_is_what_the_synthesizer_makes_of_it(streaming_voice: Path, voice: SynthesizeVoice) -> None:
    async def talk(client: AsyncTcpClient) -> None:
        await client.write_event(Synthesize("Maakye.", voice).event())
        events, audio = await heard(client, "audio-stop")
        start = AudioStart.from_event(events[0])
        assert (start.rate, start.width, start.channels) == (8000, 2, 1)
        assert AudioStop.is_type(events[-1].type)
        expected = Synthesizer(streaming_voice).synthesize("Maakye.", speaker="kwame")
        assert np.frombuffer(audio, "<i2") / 32768 == pytest.approx(expected, abs=1e-3)

    with_client(streaming_voice, talk)


def test_text_in_pieces_is_heard_before_its_end(streaming_voice: Path) -> None:
    async def talk(client: AsyncTcpClient) -> None:
        await client.write_event(SynthesizeStart(SynthesizeVoice("akosua")).event())
        await client.write_event(SynthesizeChunk("Maakye. Wo").event())
        event = await client.read_event()
        assert event is not None
        assert AudioStart.is_type(event.type)
        await client.write_event(Synthesize(WORDS).event())  # as Home Assistant repeats it for older servers
        await client.write_event(SynthesizeChunk(" ho te sɛn?").event())
        await client.write_event(SynthesizeStop().event())
        events, audio = await heard(client, "synthesize-stopped")
        assert [event.type for event in events[-2:]] == ["audio-stop", SynthesizeStopped().event().type]
        synthesizer = Synthesizer(streaming_voice)
        expected = [synthesizer.synthesize(text, speaker="akosua") for text in ("Maakye.", "Wo ho te sɛn?")]
        assert len(audio) == 2 * sum(map(len, expected))

    with_client(streaming_voice, talk)


@pytest.mark.parametrize(
    "request_",
    [Synthesize("…"), Synthesize(""), Synthesize("a", SynthesizeVoice("nobody")), Synthesize("a" * 300_000)],
)
def test_an_error_is_told_and_the_connection_stays(streaming_voice: Path, request_: Synthesize) -> None:
    async def talk(client: AsyncTcpClient) -> None:
        await client.write_event(request_.event())
        events, _ = await heard(client, "audio-stop")
        assert "\n" not in Error.from_event(events[-1]).text
        await client.write_event(
            Synthesize("<speak>Aane</speak>", text_format=SynthesizeTextFormat.SSML).event()
        )
        events, audio = await heard(client, "audio-stop")
        assert events[-1].type == "audio-stop"
        assert audio

    with_client(streaming_voice, talk)


def test_what_is_no_event_ends_only_its_connection(streaming_voice: Path) -> None:
    async def talk(client: AsyncTcpClient) -> None:
        for content in (
            b"x\n",
            b"[]\n",
            b"{}\n",
            b'{"type": "synthesize"}\n',
            b'{"type": "synthesize", "data": 3}\n',
        ):
            other = AsyncTcpClient(client.host, client.port)
            await other.connect()
            assert other._writer is not None
            other._writer.write(content)
            assert await other.read_event() is None
            await other.disconnect()
        await client.write_event(Synthesize("Aane").event())
        assert (await heard(client, "audio-stop"))[1]

    with_client(streaming_voice, talk)


@contextmanager
def served(voice: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`kalakan serve --wyoming` as a process, and its port."""
    command = [str(Path(sys.executable).parent / "kalakan"), "serve", "--wyoming", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--voice", str(voice)], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("kalakan: serving tcp://127.0.0.1:")
        yield process, int(line.rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_the_command_serves_until_it_is_told_to_end(streaming_voice: Path, tmp_path: Path) -> None:
    with (
        served(streaming_voice, tmp_path) as (process, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(b'{"type": "describe"}\n')
        assert b'"info"' in client.recv(4096)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_wyoming_bench_measures_it_both_ways(streaming_voice: Path, tmp_path: Path) -> None:
    if find_spec("wyoming_bench") is None:
        pytest.skip("wyoming-bench is not installed")
    with served(streaming_voice, tmp_path) as (_, port):
        for arguments in (("info",), ("tts", "--rounds", "2", "--texts", WORDS, "Yɛda mo ase.", "--verbose")):
            command = [sys.executable, "-I", "-c", "from wyoming_bench.cli import main; main()"]
            done = subprocess.run(
                [*command, arguments[0], f"127.0.0.1:{port}", *arguments[1:]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    for way in ("non_streaming", "streaming"):
        assert sum(line.startswith(f"[{way}]") and " audio=" in line for line in lines) == 4, done.stdout
    assert "FAIL" not in done.stdout
    assert "NOT SUPPORTED" not in done.stdout
