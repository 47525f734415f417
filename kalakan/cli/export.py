"""`kalakan export` and `kalakan-export`: models in the form that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import click

from kalakan.cli.entry import run
from kalakan.cli.streams import write_line
from kalakan.errors import ConfigError, ExportError

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2


@click.command("export")
@click.argument("voice", metavar="[VOICE]", required=False)
@click.option("--acoustic-model", metavar="FILE", help="A .pt file instead of a voice.")
@click.option("--vocoder", metavar="FILE", help="A .pt file instead of a voice.")
@click.option(
    "--output-dir", metavar="FOLDER", help="Where to write; a VOICE is completed in place by default."
)
@click.option("--format", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "--half-weights", is_flag=True, help="Store matrices in 16 bits: half the size, nearly the same mel."
)
def command(
    voice: str | None,
    acoustic_model: str | None,
    vocoder: str | None,
    output_dir: str | None,
    format: str,
    half_weights: bool,
) -> None:
    """Export the models of a VOICE folder, or single .pt files; the result is checked against torch."""
    if (voice is None) == (acoustic_model is None and vocoder is None):
        raise click.UsageError("give a VOICE, or --acoustic-model and --vocoder")
    if voice is not None:
        from kalakan.export.voice import add_onnx

        write_line(str(add_onnx(voice, output_dir, half_weights=half_weights).path))
        return
    if output_dir is None:
        raise click.UsageError("--output-dir says where the exported files go")
    if vocoder is not None:
        raise ConfigError(
            f"{vocoder}: this version has no vocoder with weights to export; Griffin-Lim needs none"
        )
    if acoustic_model is not None:
        write_line(str(_export_acoustic(acoustic_model, Path(output_dir), half_weights)))


def _export_acoustic(source: str, folder: Path, half_weights: bool) -> Path:
    from kalakan.export.onnx import write_acoustic
    from kalakan.voices.weights import load_pt

    model = load_pt(source).module
    path = folder / "acoustic_model.onnx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_acoustic(cast("FastSpeech2", model), path, half_weights=half_weights)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    return path


def main() -> NoReturn:
    """Entry point of `kalakan-export`."""
    run(command, "kalakan-export")
