"""`kalakan export` and `kalakan-export`: convert models to formats that other runtimes load."""

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
"""Default method of `--quantize` for each format; "static" for the others."""


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
    help="Output folder; default for a VOICE: add the files to it.",
)
@click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    help="Output format.  [default: onnx; pt for --quantize of files]",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Storage type of matrices; int8 is the same as --quantize.  [default: fp32]",
)
@click.option(
    "--half-weights", is_flag=True, help="Same as --precision fp16; can be combined with --quantize."
)
@click.option(
    "--quantize",
    type=click.Choice(["auto", "static", "dynamic", "weights"]),
    is_flag=False,
    flag_value="auto",
    help="Use 8 bits. static and dynamic compute large products in integers. static measures scales on Twi sentences "
    "during the export and streams inside a sentence; dynamic computes scales in each call, streams sentence by "
    "sentence, and keeps durations and F0 exact. weights stores matrices in 8 bits. Default method: static for onnx, "
    "dynamic for torchscript, weights for pt and safetensors.",
)
@click.option(
    "--fuse",
    is_flag=True,
    help="Write one file that goes from phonemes to audio; for a VOICE, a single-file voice.",
)
@click.option("--opset", type=int, metavar="N", help="ONNX operator set for single files.")
@click.option(
    "--compact",
    is_flag=True,
    help="For a VOICE: write one set of graphs with 8-bit matrices; a voice with graphs keeps its arithmetic.",
)
@click.option(
    "--exact",
    is_flag=True,
    help="With --quantize static: keep every bit of durations and F0; encoder and predictors stay in floats.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Keep an 8-bit file that is neither smaller nor faster, and an 8-bit voice that differs more than allowed.",
)
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
    exact: bool,
    force: bool,
) -> None:
    """Export the models of a VOICE, or single files. Every result is run and checked in a separate process.

    With a VOICE and --format onnx, the graphs that Kalakan runs are added to the voice; any other format, or --fuse,
    writes files to --output-dir. With --vocoder, the VOICE gets that vocoder instead of its own. The cost of each file
    and its difference from torch are printed and saved in export_report.json next to it.
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
        _floats(precision, half_weights), _way(quantize, format), opset, fuse, compact, exact, force
    )
    if exact and options.quantize != "static":
        raise click.UsageError(
            "--exact is of --quantize static; the other methods keep durations and F0 as they are"
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
