"""`kalakan export` and `kalakan-export`: models in the form that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NoReturn, cast

import click

from kalakan.cli.entry import run
from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line
from kalakan.export.formats import FORMATS, ExportOptions


@click.command("export")
@click.argument("voice", type=FOLDER, metavar="[VOICE]", required=False)
@click.option("--acoustic-model", type=FILE, metavar="FILE", help="A .pt file instead of a voice.")
@click.option(
    "--vocoder",
    type=FILE,
    metavar="PATH",
    help="A .pt file, a voice folder, or default for the vocoder that comes with kalakan.",
)
@click.option(
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    help="Where to write; a VOICE is completed in place by default.",
)
@click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    default="onnx",
    show_default=True,
    help="What to export to.",
)
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
    exporter = FORMATS[format]
    options = ExportOptions(half_weights, cast("Literal['static', 'dynamic'] | None", quantize))
    if voice is not None and acoustic_model is None:
        write_line(str(exporter.voice(Path(voice), _path(vocoder), _path(output_dir), options)))
        return
    if voice is not None or (acoustic_model is None and vocoder is None):
        raise click.UsageError("give a VOICE, or --acoustic-model and --vocoder")
    if output_dir is None:
        raise click.UsageError("--output-dir says where the exported files go")
    if quantize == "static" and acoustic_model is None:
        raise click.UsageError("static scales are measured with an --acoustic-model; or --quantize dynamic")
    for path in exporter.files(_path(acoustic_model), _path(vocoder), Path(output_dir), options):
        write_line(str(path))


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def main() -> NoReturn:
    """Entry point of `kalakan-export`."""
    run(command, "kalakan-export")
