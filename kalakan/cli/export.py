"""`kalakan export` and `kalakan-export`: models in the form that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import click

from kalakan.cli.entry import run
from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line
from kalakan.errors import ExportError
from kalakan.voices.files import VOCODER

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2


@click.command("export")
@click.argument("voice", type=FOLDER, metavar="[VOICE]", required=False)
@click.option("--acoustic-model", type=FILE, metavar="FILE", help="A .pt file instead of a voice.")
@click.option("--vocoder", type=FILE, metavar="FILE", help="A .pt file instead of a voice.")
@click.option(
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    help="Where to write; a VOICE is completed in place by default.",
)
@click.option("--format", type=click.Choice(["onnx"]), default="onnx", show_default=True)
@click.option(
    "--half-weights", is_flag=True, help="Store matrices in 16 bits: half the size, nearly the same mel."
)
@click.option(
    "--quantize",
    type=click.Choice(["static", "dynamic"]),
    is_flag=False,
    flag_value="static",
    help="Compute large products in 8-bit integers: nearly twice as fast, smaller; durations and F0 keep every bit. "
    "static, also where no way is named: scales measured now on Twi sentences, streams inside a sentence; dynamic: "
    "scales of each call, streams sentence by sentence.",
)
def command(
    voice: str | None,
    acoustic_model: str | None,
    vocoder: str | None,
    output_dir: str | None,
    format: str,
    half_weights: bool,
    quantize: str | None,
) -> None:
    """Export the models of a VOICE folder, or single .pt files; the result is checked against torch.

    A VOICE together with --vocoder gets that vocoder in place of its own.
    """
    if voice is not None and acoustic_model is None:
        write_line(str(_export_voice(voice, vocoder, output_dir, half_weights, quantize)))
        return
    if voice is not None or (acoustic_model is None and vocoder is None):
        raise click.UsageError("give a VOICE, or --acoustic-model and --vocoder")
    if output_dir is None:
        raise click.UsageError("--output-dir says where the exported files go")
    if quantize == "static" and acoustic_model is None:
        raise click.UsageError("static scales are measured with an --acoustic-model; or --quantize dynamic")
    paths = []
    if vocoder is not None:
        paths.append(_export_vocoder(vocoder, Path(output_dir), half_weights))
    if acoustic_model is not None:
        paths.append(_export_acoustic(acoustic_model, Path(output_dir), half_weights))
    for path in paths:
        if quantize is not None:
            _quantize(path, acoustic_model if quantize == "static" else None)
        write_line(str(path))


def _quantize(path: Path, acoustic_model: str | None) -> None:
    """Quantizes a file, with constant scales if there is an acoustic model to measure them with."""
    from kalakan.export.calibration import acoustic_inputs, vocoder_inputs
    from kalakan.export.quantize import quantize_file
    from kalakan.voices.weights import load_pt

    if acoustic_model is None:
        quantize_file(path, path)
        return
    model = cast("FastSpeech2", load_pt(acoustic_model).module)
    is_vocoder = path.name == VOCODER
    quantize_file(
        path, path, vocoder_inputs(model) if is_vocoder else acoustic_inputs(len(model.config.speakers))
    )


def _export_voice(
    voice: str, vocoder: str | None, output_dir: str | None, half_weights: bool, quantize: str | None
) -> Path:
    if vocoder is not None:
        from kalakan.export.voice_vocoder import add_vocoder

        path = add_vocoder(voice, vocoder, output_dir, half_weights=half_weights).path
    else:
        from kalakan.export.voice import add_onnx

        path = add_onnx(voice, output_dir, half_weights=half_weights).path
    if quantize is not None:
        from kalakan.export.voice_quantize import Activations, quantize_voice

        quantize_voice(path, activations=cast("Activations", quantize))
    return path


def _export_vocoder(source: str, folder: Path, half_weights: bool) -> Path:
    from kalakan.export.vocoder_onnx import write_vocoder

    path = folder / VOCODER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_vocoder(source, path, half_weights=half_weights)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    return path


def _export_acoustic(source: str, folder: Path, half_weights: bool) -> Path:
    from kalakan.export.exportable import check_exportable
    from kalakan.export.onnx import write_acoustic
    from kalakan.voices.weights import load_pt

    loaded = load_pt(source)
    check_exportable(loaded.record.type)
    path = folder / "acoustic_model.onnx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_acoustic(
            cast("FastSpeech2", loaded.module), path, audio=loaded.audio, half_weights=half_weights
        )
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
    return path


def main() -> NoReturn:
    """Entry point of `kalakan-export`."""
    run(command, "kalakan-export")
