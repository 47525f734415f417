"""`kalakan steer`: a voice with shifted vowels."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER, SPEAKER, WORD
from kalakan.cli.streams import write_line


@click.command("steer")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o", "--output-dir", type=FOLDER, metavar="FOLDER", required=True, help="Folder of the steered voice."
)
@click.option(
    "--unit",
    "units",
    type=WORD,
    metavar="UNIT=MIX",
    multiple=True,
    required=True,
    help="What a unit becomes, as in ʊ=0.9*o+0.1*u; may be repeated.",
)
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Speaker to change (default: all); may be repeated.",
)
def command(voice: str, output_dir: str, units: tuple[str, ...], speakers: tuple[str, ...]) -> None:
    """Make units of a VOICE folder's speakers mixes of other units, without training.

    All mixes are of the voice as it was. The new voice has weights in 16 bits; `kalakan export NEW --quantize`
    makes it 8-bit again.
    """
    from kalakan.export.voice_steer import parse_mix, steer_voice

    steered = steer_voice(voice, output_dir, [parse_mix(unit) for unit in units], speakers)
    write_line(str(steered.path))
