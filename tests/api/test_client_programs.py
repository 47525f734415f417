"""Clients that nobody here wrote, each as a program of its own over a real socket, as its users write it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import soundfile
from fastapi.testclient import TestClient

from kalakan import Synthesizer
from kalakan.api.encoding import available
from kalakan.audio.files import write_audio

WORDS = "Akwaaba! Wo ho te sɛn?"
Client = Callable[..., dict[str, bytes]]


@pytest.fixture
def program(address: str, tmp_path: Path) -> Client:
    """Runs a program in an empty folder, `ADDRESS` and `WORDS` being there, and returns the files that it leaves."""

    def run(package: str, code: str, **variables: str) -> dict[str, bytes]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
        given = {"ADDRESS": f"{address}v1", "WORDS": WORDS, "FORMATS": json.dumps(list(available()))}
        head = "import json, os\nADDRESS, WORDS = os.environ['ADDRESS'], os.environ['WORDS']\n"
        done = subprocess.run(
            [sys.executable, "-I", "-c", head + code],
            cwd=tmp_path,
            env=os.environ | {"NO_PROXY": "127.0.0.1", "HOME": str(tmp_path)} | given | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    return run


def wav(voice: Path, folder: Path, speaker: str, **options: Any) -> bytes:
    """The file of what the synthesizer itself makes of `WORDS`."""
    synthesizer = Synthesizer(voice)
    audio = synthesizer.synthesize(WORDS, speaker=speaker, **options)
    write_audio(folder / "expected.wav", audio, synthesizer.sample_rate)
    return (folder / "expected.wav").read_bytes()


def test_openai_in_every_format_at_once_and_as_a_stream(
    program: Client, streaming_voice: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = program(
        "openai",
        """
from openai import OpenAI
client = OpenAI(base_url=ADDRESS, api_key="x", max_retries=0)
for name in json.loads(os.environ["FORMATS"]):
    given = dict(model="tts-1", voice="akosua", input=WORDS, response_format=name)
    client.audio.speech.create(**given).write_to_file(f"whole.{name}")
    with client.audio.speech.with_streaming_response.create(**given) as answer:
        with open(f"streamed.{name}", "wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)
""",
    )
    formats = list(available())
    assert {f"{kind}.{name}" for kind in ("whole", "streamed") for name in formats} == set(found)
    for name in formats:
        whole, streamed = found[f"whole.{name}"], found[f"streamed.{name}"]
        # An Ogg stream has a number of its own.
        assert len(whole) == len(streamed) if name == "opus" else whole == streamed
        if name not in ("aac", "pcm"):
            assert soundfile.info(io.BytesIO(whole)).samplerate == 8000
    assert found["whole.wav"] == wav(streaming_voice, tmp_path_factory.mktemp("own"), "akosua")


def test_openai_gets_events(program: Client) -> None:
    found = program(
        "openai",
        """
import base64
from openai import OpenAI
client = OpenAI(base_url=ADDRESS, api_key="x", max_retries=0)
given = dict(model="tts-1", voice={"id": "kwame"}, input=WORDS, response_format="pcm")
audio, kinds = b"", []  # first, as what comes from the cache is one piece
with client.audio.speech.with_streaming_response.create(stream_format="sse", **given) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            event = json.loads(line[6:])
            kinds.append(event["type"])
            audio += base64.b64decode(event.get("audio", ""))
open("streamed", "wb").write(audio)
json.dump(kinds, open("kinds", "w"))
client.audio.speech.create(**given).write_to_file("whole")
""",
    )
    kinds = json.loads(found["kinds"])
    assert kinds.count("speech.audio.delta") > 1
    assert kinds[-1] == "speech.audio.done"
    assert found["streamed"] == found["whole"]


def test_litellm(program: Client, streaming_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = program(
        "litellm",
        """
import asyncio, litellm, openai
given = dict(model="openai/kalakan", input=WORDS, api_base=ADDRESS, api_key="x", max_retries=0)
for name in json.loads(os.environ["FORMATS"]):
    litellm.speech(voice="akosua", response_format=name, **given).stream_to_file(f"whole.{name}")
answer = asyncio.run(litellm.aspeech(voice="kwame", response_format="wav", speed=1.5, **given))
open("other.wav", "wb").write(answer.content)
try:
    litellm.speech(voice="nobody", **given)
except openai.BadRequestError as error:  # litellm's own errors are children of these
    open("error", "w").write(str(error))
""",
        LITELLM_LOCAL_MODEL_COST_MAP="True",  # else it fetches a list of prices
    )
    assert {f"whole.{name}" for name in available()} < set(found)
    own = tmp_path_factory.mktemp("own")
    assert found["whole.wav"] == wav(streaming_voice, own, "akosua")
    assert found["other.wav"] == wav(streaming_voice, own, "kwame", speed=1.5)
    assert b"choose one of akosua, kwame" in found["error"]


def test_openai_agents_streams(program: Client, client: TestClient) -> None:
    found = program(
        "agents",
        """
import asyncio
from agents.voice import OpenAITTSModel, TTSModelSettings
from openai import AsyncOpenAI

async def spoken():
    model = OpenAITTSModel("tts-1", AsyncOpenAI(base_url=ADDRESS, api_key="x", max_retries=0))
    with open("streamed", "wb") as file:
        async for piece in model.run(WORDS, TTSModelSettings(voice="akosua", speed=1.25)):
            file.write(piece)

asyncio.run(spoken())
""",
    )
    body = {"input": WORDS, "voice": "akosua", "speed": 1.25, "response_format": "pcm"}
    assert found["streamed"] == client.post("/v1/audio/speech", json=body).content


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="jq and curl are not installed")
def test_asterisks_program_of_the_documentation(address: str, client: TestClient, tmp_path: Path) -> None:
    """As Asterisk calls it: the text cut at its commas, and no shell that would see the rest."""
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```sh\n(#!/bin/sh\n# kalakan-say.*?)```", page, re.S)
    program = tmp_path / "kalakan-say"
    program.write_text(code.replace("http://127.0.0.1:8000/", address), encoding="utf-8")
    text = 'Ɔse "bra", na $HOME `id` nni hɔ.'
    subprocess.run(["sh", program, tmp_path / "a.wav", *text.split(",")], check=True, timeout=60)
    body = {"text": text, "sample_rate": 8000, "lead_in": 0.3}
    assert (tmp_path / "a.wav").read_bytes() == client.post("/synthesize", json=body).content
