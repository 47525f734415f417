"""`--format` chooses the exporter."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kalakan.cli.export import command
from kalakan.errors import ExportError
from kalakan.export.formats import FORMATS, ExportOptions, OnnxExporter


class Recorder:
    """An exporter that only notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def voice(self, source: Path, vocoder: Path | None, target: Path | None, options: ExportOptions) -> Path:
        self.asked.append((source, vocoder, target, options))
        return Path("made")

    def files(
        self, acoustic: Path | None, vocoder: Path | None, folder: Path, options: ExportOptions
    ) -> list[Path]:
        self.asked.append((acoustic, vocoder, folder, options))
        return [folder / "made.bin"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_that_is_named_exports(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    recorder = Recorder()
    monkeypatch.setitem(FORMATS, name, recorder)
    result = CliRunner().invoke(command, ["VOICE", "--vocoder", "v.pt", "--half-weights", "--format", name])
    assert (result.exit_code, result.output) == (0, "made\n")
    files = ["--acoustic-model", "a.pt", "--output-dir", "OUT", "--quantize", "dynamic", "--format", name]
    assert CliRunner().invoke(command, files).output == f"{Path('OUT', 'made.bin')}\n"
    assert recorder.asked == [
        (Path("VOICE"), Path("v.pt"), None, ExportOptions(half_weights=True)),
        (Path("a.pt"), None, Path("OUT"), ExportOptions(quantize="dynamic")),
    ]


def test_a_format_that_is_not_there_is_refused() -> None:
    result = CliRunner().invoke(command, ["VOICE", "--format", "papyrus"])
    assert result.exit_code == 2
    assert "'papyrus'" in result.output


def test_static_scales_need_an_acoustic_model(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="static scales are measured with an acoustic model"):
        OnnxExporter().files(None, tmp_path / "v.pt", tmp_path, ExportOptions(quantize="static"))
