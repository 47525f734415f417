from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kalakan.cli.inspect import command, inspect_path
from kalakan.errors import DataError, VoiceError
from kalakan.text.phonemes import TABLE_HASH
from kalakan.training.checkpoint import load_checkpoint, save_checkpoint
from kalakan.training.trainer import Trainer
from kalakan.voices.package import load_voice
from tiny_corpus import make_corpus


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    settings = {
        "model": {"encoder_layers": 1, "encoder_width": 16, "decoder_layers": 1, "predictor_layers": 1},
        "training": {"max_steps": 2, "batch_size": 4, "validate_every": 2, "validation_utterances": 2},
    }
    Trainer("fastspeech2_small", settings).train(make_corpus(folder / "corpus"), folder, quiet=True)
    return folder


def test_voice_shows_models_table_training_and_files() -> None:
    facts = inspect_path(load_voice().path)
    assert facts["kind"] == "voice"
    assert facts["phoneme_table"] == TABLE_HASH
    assert facts["acoustic"]["type"] == "fastspeech2_small"
    assert facts["acoustic"]["parameters"] > 3_000_000
    assert facts["vocoder"]["config"]["width"] == 192
    assert facts["training"]["steps"] > 0
    assert facts["files"]["acoustic.safetensors"] > 1_000_000


def test_checkpoint_shows_where_the_run_is(run: Path) -> None:
    facts = inspect_path(run / "best.pt")
    assert facts["kind"] == "checkpoint"
    assert facts["type"] == "fastspeech2_small"
    assert facts["step"] == 2
    assert facts["phoneme_table"] == TABLE_HASH
    assert facts["scores"]["score"] > 0
    assert facts["settings"]["model"]["encoder_width"] == 16
    model = inspect_path(run / "acoustic_model.pt")
    assert model["kind"] == "model"
    assert model["phoneme_table"] == TABLE_HASH
    assert model["parameters"] == facts["parameters"]


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@pytest.mark.parametrize(("stale", "best"), [(0, "not validated yet"), (3, "no validation score was finite")])
def test_a_run_without_a_best_score_says_why(run: Path, tmp_path: Path, stale: int, best: str) -> None:
    contents = load_checkpoint(run / "last.pt")
    contents["position"] |= {"best": math.inf, "stale": stale}
    save_checkpoint(tmp_path / "last.pt", contents)
    printed = CliRunner().invoke(command, [str(tmp_path)]).stdout
    assert f'\nbest: "{best}"\n' in printed
    as_json = CliRunner().invoke(command, [str(tmp_path), "--json"]).stdout
    assert json.loads(as_json, parse_constant=_refuse)["best"] == best
    assert isinstance(inspect_path(run)["best"], float)


def test_graph_shows_inputs_and_outputs() -> None:
    facts = inspect_path(load_voice().file("vocoder_filters.onnx"))
    assert "mel_input" in facts["inputs"]
    assert "filters" in facts["outputs"]


def test_lines_and_json_say_the_same() -> None:
    path = str(load_voice().path)
    facts: dict[str, Any] = json.loads(CliRunner().invoke(command, [path, "--json"]).stdout)
    lines = dict(line.split(": ", 1) for line in CliRunner().invoke(command, [path]).stdout.splitlines())
    assert json.loads(lines["acoustic.parameters"]) == facts["acoustic"]["parameters"]
    assert json.loads(lines["name"]) == facts["name"]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.pt", b"no", "damaged or no Kalakan model"),
        ("x.safetensors", b"\xff" * 40, "damaged or no safetensors file"),
        ("x.safetensors", b"", "damaged or no safetensors file"),
        ("x.onnx", b"no", "damaged or is no ONNX model|is damaged or no ONNX model"),
        ("x.wav", b"RIFF", "is no voice, corpus or run, and no file of"),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VoiceError, match=text):
        inspect_path(tmp_path / name)
    with pytest.raises(VoiceError, match="there is no such file"):
        inspect_path(tmp_path / "gone.pt")
    with pytest.raises(VoiceError, match="there is no such file or folder"):
        inspect_path(tmp_path / "gone")


def test_run_and_its_log_show_where_it_is(run: Path) -> None:
    facts = inspect_path(run)
    assert (facts["kind"], facts["type"], facts["step"]) == ("run", "fastspeech2_small", 2)
    assert facts["log"]["validation"]["step"] == 2
    assert {"last.pt", "voice", "metrics.jsonl"} <= set(facts["holds"])
    assert inspect_path(run / "metrics.jsonl")["validation"] == facts["log"]["validation"]
    assert inspect_path(run / "voice" / "voice.json")["kind"] == "voice"


def test_corpus_shows_speakers_and_splits(run: Path) -> None:
    facts = inspect_path(run / "corpus")
    assert (facts["kind"], facts["utterances"], facts["aligned"]) == ("corpus", 12, 12)
    assert sorted(facts["minutes_of"]) == ["akosua", "kwame"]
    assert facts["splits"] == {"train": 9, "validation": 0, "test": 3}
    assert inspect_path(run / "corpus" / "meta.jsonl") == facts


def test_folders_of_something_else_are_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"holds no voice.json, meta.jsonl or last.pt; give a folder"):
        inspect_path(tmp_path)
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "voice.json").write_text("{}")
    with pytest.raises(VoiceError, match=r"did you mean .*voice\?"):
        inspect_path(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(DataError, match="the run has logged nothing yet"):
        inspect_path(tmp_path / "metrics.jsonl")
