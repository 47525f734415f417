"""`kalakan endings`: makes the phrases of a voice end voiced and on the right tone."""

from __future__ import annotations

from pathlib import Path

import click

from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line

_SHOWN_EVERY = 100
"""Number of steps between two progress lines."""


@click.command("endings")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o",
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    required=True,
    help="Output folder for the trained voice.",
)
@click.option(
    "--texts",
    type=FILE,
    metavar="FILE",
    help="Sentences to train on, without recordings.  [default: Kalakan's own]",
)
@click.option("--steps", type=int, default=800, show_default=True, help="Training steps, 1 to 100000.")
@click.option(
    "--least-step",
    type=float,
    default=2.5,
    show_default=True,
    help="Semitones between a last high tone and a low one before it, or the reverse; 0 to 12.",
)
@click.option(
    "--lowest",
    type=float,
    default=8.0,
    show_default=True,
    help="Semitones below a speaker's mean that a last vowel may fall to, softly; 1 to 24.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the order of sentences.")
def command(
    voice: str,
    output_dir: str,
    texts: str | None,
    steps: int,
    least_step: float,
    lowest: float,
    seed: int,
) -> None:
    """Improve the phrase endings of a VOICE folder without recordings: last vowels and nasals become voiced, and their
    tone is clearly higher or lower than the one before.

    The pitch and voicing predictors are trained on their own predictions, which are changed only at phrase ends; the
    rest of the voice does not change. The new voice has 16-bit weights; `kalakan export NEW --quantize` converts it to
    8 bits again.
    """
    from kalakan.data.text_files import read_text, split_lines
    from kalakan.export.endings import Limits
    from kalakan.export.voice_endings import end_voice

    lines = None if texts is None else split_lines(read_text(Path(texts)))
    _, outcome = end_voice(
        voice,
        output_dir,
        texts=lines,
        steps=steps,
        limits=Limits(least_step, lowest),
        seed=seed,
        on_step=_show,
    )
    click.echo(
        "on sentences that were not trained on: last sounds voiced {:.1f} to {:.1f} %, last tones right {:.1f} to "
        "{:.1f} %, other sounds moved by {:.2f} semitones, {:.1f} % of their frames changed voicing".format(
            *outcome.voiced_percent,
            *outcome.tone_percent,
            outcome.other_semitones,
            outcome.other_voicing_percent,
        ),
        err=True,
    )
    write_line(output_dir)


def _show(step: int, loss: float) -> None:
    if step % _SHOWN_EVERY == 0:
        click.echo(f"step {step}, loss {loss:.4f}", err=True)
