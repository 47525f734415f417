"""`kalakan level`: a voice that is equally loud at every pitch, tempo and length."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER
from kalakan.cli.streams import write_line


@click.command("level")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o", "--output-dir", type=FOLDER, metavar="FOLDER", required=True, help="Where the leveled voice goes."
)
def command(voice: str, output_dir: str) -> None:
    """Measure how loud a VOICE folder's speakers are at each pitch, tempo and length of a phrase, and write the voice
    with the gains that make them even.

    The weights stay as they are; the gains stand in voice.json, under levels. Without a voice's own vocoder they do not
    act.
    """
    from kalakan.evaluation.levels import level_gains
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.voices.describe import describe
    from kalakan.voices.package import check_target, load_voice

    source = load_voice(voice)
    check_target(output_dir)  # before some twenty seconds of measuring
    leveled = describe(source, output_dir, levels=level_gains(Synthesizer(source.path)))
    write_line(str(leveled.path))
