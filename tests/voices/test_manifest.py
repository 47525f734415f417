"""A voice.json of any content is read, or refused in one line that can be printed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from kalakan import Synthesizer
from kalakan.errors import VoiceError
from kalakan.voices.package import load_voice


@pytest.fixture
def voice(tiny_voice: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_voice, tmp_path / "voice")
    return tmp_path / "voice"


def refused(voice: Path) -> str:
    with pytest.raises(VoiceError) as caught:
        load_voice(voice)
    message = str(caught.value)
    assert len(message) < 900
    assert message.isprintable()
    return message


WRONG: list[Any] = [
    None,
    True,
    3,
    1e400,
    10**400,
    "",
    "x\x1b[31m",
    "a\nb",
    "a\u202eb",
    [],
    {},
    [[]],
    ["a", "a"],
    [""],
]
KEYS = [
    *("name", "version", "speakers", "license", "language", "dialect", "training", "files"),
    *("acoustic", "vocoder", "audio", "phoneme_table", "format_version"),
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", WRONG, ids=[f"{k}-{type(item).__name__}" for k, item in enumerate(WRONG)])
def test_a_field_of_the_wrong_type_is_refused(voice: Path, key: str, value: Any) -> None:
    path = voice / "voice.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    if key in ("training", "files", "audio") and value == {}:
        load_voice(voice)  # an object, all of whose fields may be missing
    else:
        assert "voice.json" in refused(voice)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 200_000, "is damaged, it is not valid JSON"),
        ('{"format_version": 1' + "0" * 5000 + "}", "damaged"),
        ('{"a":' * 100_000, "is damaged, it is not valid JSON"),
        ("\ud800".encode("utf-8", "surrogatepass"), "is damaged, it is not valid JSON"),
        ('{"format_version": 1}', "is damaged, it has no speakers"),
    ],
)
def test_what_is_no_manifest_is_refused(voice: Path, content: str | bytes, message: str) -> None:
    (voice / "voice.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in refused(voice)


@pytest.mark.parametrize("key", ["acoustic", "vocoder"])
@pytest.mark.parametrize("value", [{"type": 5}, {"type": "a", "config": []}, {"type": "a", "more": 1}, {}])
def test_a_model_of_the_wrong_form_is_refused(voice: Path, key: str, value: Any) -> None:
    path = voice / "voice.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert "voice.json: is damaged" in refused(voice)


@pytest.mark.skipif(os.name == "nt", reason="needs a named pipe")
def test_a_pipe_is_not_waited_for(voice: Path) -> None:
    (voice / "voice.json").unlink()
    os.mkfifo(voice / "voice.json")
    assert "is no plain file" in refused(voice)


@pytest.mark.parametrize("source", [5, [], b"voice", {}])
def test_what_is_no_path_is_refused(source: Any) -> None:
    with pytest.raises(VoiceError, match="give the path of a voice folder"):
        load_voice(source)


@pytest.mark.parametrize(
    ("model", "record"),
    [
        ("acoustic", {"type": "unheard_of"}),
        ("vocoder", {"type": "unheard_of"}),
        ("vocoder", {"type": "harmonic_noise", "config": {"unheard_of": 1}}),
        ("vocoder", {"type": "harmonic_noise", "config": {"n_fft": "many"}}),
    ],
)
def test_a_model_that_this_kalakan_does_not_know_is_a_fault_of_the_voice(
    voice: Path, model: str, record: dict[str, Any]
) -> None:
    """As in a voice of a newer Kalakan: an error of settings would send the user to the wrong file."""
    path = voice / "voice.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {model: record}))
    with pytest.raises(VoiceError, match="does not fit") as caught:
        Synthesizer(voice)
    assert str(voice) in str(caught.value)


@pytest.mark.torch
def test_a_model_of_too_few_units_is_a_fault_of_the_voice(voice: Path) -> None:
    path = voice / "voice.json"
    record = json.loads(path.read_text())
    record["acoustic"]["config"]["n_phonemes"] = 3
    path.write_text(json.dumps(record))
    with pytest.raises(VoiceError, match="does not fit"):
        Synthesizer(voice, engine="torch")
