"""`kalakan export` and `kalakan-export`: models in the form that other places run."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn, cast

import click

from kalakan.cli.entry import run
from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line
from kalakan.export.exporter import ExportOptions, Floats, Quantize
from kalakan.export.formats import FORMATS, exporter_of, source_of_files, source_of_voice

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
BY_FORMAT: dict[str, Quantize] = {"pt": "weights", "safetensors": "weights", "torchscript": "dynamic"}
"""What `--quantize` without a way means for a format; "static" for the others."""


@click.command("export")
@click.argument("voice", type=FOLDER, metavar="[VOICE]", required=False)
@click.option(
    "--acoustic-model", type=FILE, metavar="FILE", help="A .pt or .safetensors file instead of a voice."
)
@click.option(
    "--vocoder",
    type=FILE,
    metavar="PATH",
    help="A .pt or .safetensors file, a voice, or default for the vocoder that comes with kalakan.",
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
    help="What to export to.  [default: onnx; pt for --quantize of files]",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Type that matrices are stored in; int8 is --quantize.  [default: fp32]",
)
@click.option(
    "--half-weights", is_flag=True, help="The same as --precision fp16, and combines with --quantize."
)
@click.option(
    "--quantize",
    type=click.Choice(["auto", "static", "dynamic", "weights"]),
    is_flag=False,
    flag_value="auto",
    help="8 bits. static and dynamic compute large products in integers, durations and F0 keep every bit (static: "
    "scales measured now on Twi sentences, streams inside a sentence; dynamic: scales of each call, streams sentence "
    "by sentence); weights stores matrices in 8 bits. Where no way is named: static for onnx, dynamic for "
    "torchscript, weights for pt and safetensors.",
)
@click.option(
    "--fuse", is_flag=True, help="One file from phonemes to audio; of a VOICE, a voice in a single file."
)
@click.option("--opset", type=int, metavar="N", help="ONNX operator set of single files.")
@click.option(
    "--compact",
    is_flag=True,
    help="Of a VOICE: one set of graphs and every matrix in 8 bits; a voice with graphs keeps its arithmetic.",
)
@click.option("--force", is_flag=True, help="Keep an 8-bit file that is neither smaller nor faster.")
def command(
    voice: str | None,
    acoustic_model: str | None,
    vocoder: str | None,
    output_dir: str | None,
    format: str | None,
    precision: str | None,
    half_weights: bool,
    quantize: str | None,
    fuse: bool,
    opset: int | None,
    compact: bool,
    force: bool,
) -> None:
    """Export the models of a VOICE, or single files; every result runs in a process of its own and is checked there.

    A VOICE with --format onnx gets the graphs that Kalakan runs; any other format, or --fuse, writes files to
    --output-dir. A VOICE together with --vocoder gets that vocoder in place of its own. What each file costs and how
    far it is from torch is printed, and kept in export_report.json beside it.
    """
    has_files = acoustic_model is not None or (voice is None and vocoder is not None)
    if voice is not None and acoustic_model is not None:
        raise click.UsageError("give a VOICE, or --acoustic-model and --vocoder")
    if voice is None and not has_files:
        raise click.UsageError("give a VOICE, or --acoustic-model and --vocoder")
    if precision == "int8":
        quantize = quantize or "auto"
    if format is None:
        format = "pt" if has_files and quantize == "auto" and not fuse else "onnx"
    options = ExportOptions(
        _floats(precision, half_weights), _way(quantize, format), opset, fuse, compact, force
    )
    if voice is not None and format == "onnx" and not fuse:
        _complete(voice, vocoder, output_dir, options)
        return
    if options.quantize == "static" and voice is None and acoustic_model is None:
        raise click.UsageError("static scales are measured with an --acoustic-model; or --quantize dynamic")
    if compact:
        raise click.UsageError("--compact is of a VOICE with --format onnx; leave it out")
    if output_dir is None:
        raise click.UsageError("--output-dir says where the exported files go")
    _write(voice, acoustic_model, vocoder, Path(output_dir), format, options)


def _complete(voice: str, vocoder: str | None, folder: str | None, options: ExportOptions) -> None:
    from kalakan.export.voice_costs import export_voice

    made = export_voice(
        Path(voice), _path(vocoder), _path(folder), options, lambda line: click.echo(line, err=True)
    )
    write_line(str(made))


def _write(
    voice: str | None,
    acoustic_model: str | None,
    vocoder: str | None,
    folder: Path,
    format: str,
    options: ExportOptions,
) -> None:
    from kalakan.export.files import export_files

    if voice is None:
        source = source_of_files(_path(acoustic_model), _path(vocoder))
    else:
        source = source_of_voice(Path(voice), _path(vocoder))
    paths = export_files(
        exporter_of(format), source, folder, options, lambda line: click.echo(line, err=True)
    )
    for path in paths:
        write_line(str(path))


def _floats(precision: str | None, half_weights: bool) -> Floats:
    if half_weights and precision not in (None, "fp16", "int8"):
        raise click.UsageError(
            f"--half-weights is --precision fp16, and --precision is {precision}; give one of them"
        )
    if half_weights:
        return "fp16"
    return "fp32" if precision in (None, "int8") else cast(Floats, precision)


def _way(quantize: str | None, format: str) -> Quantize | None:
    if quantize == "auto":
        return BY_FORMAT.get(format, "static")
    return cast("Quantize | None", quantize)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def main() -> NoReturn:
    """Entry point of `kalakan-export`."""
    run(command, "kalakan-export")
