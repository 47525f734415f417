"""`kalakan level`: makes a voice equally loud at every pitch, tempo and length."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER
from kalakan.cli.streams import write_line


@click.command("level")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o",
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    required=True,
    help="Output folder for the leveled voice.",
)
def command(voice: str, output_dir: str) -> None:
    """Measure how loud a VOICE folder's speakers are at each pitch, tempo and phrase length, and write a voice with
    gains that even out the differences.

    The weights do not change; the gains are stored in voice.json, under levels. They apply only with the voice's own
    vocoder.
    """
    from kalakan.evaluation.levels import level_gains
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.voices.describe import describe
    from kalakan.voices.package import check_target, load_voice

    source = load_voice(voice)
    check_target(output_dir)  # fail before about twenty seconds of measuring
    leveled = describe(source, output_dir, levels=level_gains(Synthesizer(source.path)))
    write_line(str(leveled.path))
