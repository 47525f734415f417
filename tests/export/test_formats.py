"""`--format` chooses the exporter, and what cannot be exported is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kalakan.cli import export as cli
from kalakan.cli.export import command
from kalakan.errors import ExportError
from kalakan.export.exporter import ExportOptions
from kalakan.export.files import export_files
from kalakan.export.formats import FORMATS, exporter_of, source_of_files


class Recorder:
    """Stands in for the functions that export, and notes what they are asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Any] = []
        monkeypatch.setattr(cli, "_complete", self.note)
        monkeypatch.setattr(cli, "_write", self.note)

    def note(self, *arguments: object) -> None:
        self.asked.append(arguments)


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_that_is_named_exports(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    recorder = Recorder(monkeypatch)
    given = ["VOICE", "--vocoder", "v.pt", "--half-weights", "--format", name, "--output-dir", "OUT"]
    assert CliRunner().invoke(command, given).exit_code == 0
    files = ["--acoustic-model", "a.pt", "--output-dir", "OUT", "--quantize", "dynamic", "--format", name]
    assert CliRunner().invoke(command, files).exit_code == 0
    half, dynamic = ExportOptions(floats="fp16"), ExportOptions(quantize="dynamic")
    whole: tuple[Any, ...] = ("VOICE", None, "v.pt", Path("OUT"), name, half)
    if name == "onnx":
        whole = ("VOICE", "v.pt", "OUT", half)
    assert recorder.asked == [whole, (None, "a.pt", None, Path("OUT"), name, dynamic)]
    assert exporter_of(name).name == name


@pytest.mark.parametrize(
    ("given", "name", "options"),
    [
        ([], "onnx", ExportOptions()),
        (["--quantize"], "pt", ExportOptions(quantize="weights")),
        (["--precision", "int8"], "pt", ExportOptions(quantize="weights")),
        (["--quantize", "--format", "onnx"], "onnx", ExportOptions(quantize="static")),
        (["--quantize", "--format", "torchscript"], "torchscript", ExportOptions(quantize="dynamic")),
        (["--quantize", "static"], "onnx", ExportOptions(quantize="static")),
        (["--half-weights", "--quantize", "dynamic"], "onnx", ExportOptions("fp16", "dynamic")),
        (
            ["--precision", "bf16", "--fuse", "--opset", "18", "--force"],
            "onnx",
            ExportOptions("bf16", None, 18, True, force=True),
        ),
    ],
)
def test_options_mean_what_the_guide_says(
    monkeypatch: pytest.MonkeyPatch, given: list[str], name: str, options: ExportOptions
) -> None:
    recorder = Recorder(monkeypatch)
    models = ["--acoustic-model", "a.pt", "--vocoder", "v.pt", "--output-dir", "OUT"]
    assert CliRunner().invoke(command, [*models, *given]).exit_code == 0
    assert recorder.asked == [(None, "a.pt", "v.pt", Path("OUT"), name, options)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["VOICE", "--format", "papyrus"], "'papyrus'"),
        ([], "give a VOICE, or --acoustic-model and --vocoder"),
        (["VOICE", "--acoustic-model", "a.pt"], "give a VOICE, or --acoustic-model and --vocoder"),
        (["VOICE", "--format", "torchscript"], "--output-dir says where"),
        (["VOICE", "--format", "pt", "--compact"], "--compact is of a VOICE with --format onnx"),
        (["VOICE", "--half-weights", "--precision", "bf16"], "--half-weights is --precision fp16"),
    ],
)
def test_wrong_usage_is_named(given: list[str], message: str) -> None:
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("onnx", ExportOptions(quantize="static"), "static scales are measured with an acoustic model"),
        ("onnx", ExportOptions(opset=99), "opset 99 cannot be written; choose one from 16 to 20"),
        ("onnx", ExportOptions("bf16"), "no bf16 arithmetic on a CPU"),
        ("onnx", ExportOptions(quantize="weights"), "give --quantize static or dynamic"),
        ("onnx", ExportOptions(fuse=True), "--fuse joins an acoustic model and a vocoder; give both"),
        ("torchscript", ExportOptions(quantize="static"), "torchscript has no constant scales"),
        ("torchscript", ExportOptions(opset=17), "--opset is of ONNX"),
        ("torchscript", ExportOptions("fp16", "dynamic"), "take 32-bit floats"),
        ("safetensors", ExportOptions(quantize="dynamic"), "stores weights and no arithmetic"),
        ("pt", ExportOptions(opset=17), "--opset is of ONNX"),
        ("tensorrt", ExportOptions(quantize="static"), "no 8-bit graphs of onnxruntime"),
        ("tensorrt", ExportOptions("bf16"), "give --precision fp16"),
        ("tensorrt", ExportOptions(), "adds up phases in double precision"),
    ],
)
def test_what_has_no_form_is_refused(
    name: str, options: ExportOptions, message: str, streaming_voice: Path, tmp_path: Path
) -> None:
    source = source_of_files(None, streaming_voice)
    with pytest.raises(ExportError, match=message):
        export_files(exporter_of(name), source, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()
