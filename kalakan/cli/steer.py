"""`kalakan steer`: shifts the vowels of a voice."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER, SPEAKER, WORD
from kalakan.cli.streams import write_line


@click.command("steer")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o",
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    required=True,
    help="Output folder for the steered voice.",
)
@click.option(
    "--unit",
    "units",
    type=WORD,
    metavar="UNIT=MIX",
    multiple=True,
    required=True,
    help="New mix for a unit, such as ʊ=0.9*o+0.1*u; may be repeated.",
)
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Speaker to change; may be repeated; default: all.",
)
def command(voice: str, output_dir: str, units: tuple[str, ...], speakers: tuple[str, ...]) -> None:
    """Replace units of a VOICE folder's speakers with mixes of other units, without training.

    All mixes refer to the original voice. The new voice has 16-bit weights; `kalakan export NEW --quantize` converts it
    to 8 bits again.
    """
    from kalakan.export.voice_steer import parse_mix, steer_voice

    steered = steer_voice(voice, output_dir, [parse_mix(unit) for unit in units], speakers)
    write_line(str(steered.path))
