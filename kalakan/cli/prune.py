"""`kalakan prune`: makes a trained voice smaller."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FOLDER
from kalakan.cli.streams import write_line

IDLE = "zeros are stored and multiplied like any other number: this voice is neither smaller nor faster"


@click.command("prune")
@click.argument("voice", type=FOLDER, metavar="VOICE")
@click.option(
    "-o",
    "--output-dir",
    type=FOLDER,
    metavar="FOLDER",
    required=True,
    help="Output folder for the pruned voice.",
)
@click.option(
    "--amount", type=float, default=0.3, show_default=True, help="Fraction to remove, between 0 and 1."
)
@click.option(
    "--method",
    type=click.Choice(["channels", "weights"]),
    default="channels",
    show_default=True,
    help="channels removes whole channels (smaller and faster); weights sets single weights to zero (neither).",
)
@click.option(
    "--part",
    type=click.Choice(["acoustic", "vocoder", "both"]),
    help="What to prune; default: every model of the voice that has weights.",
)
def command(voice: str, output_dir: str, amount: float, method: str, part: str | None) -> None:
    """Prune the models of a VOICE folder, and show the savings and how to fine-tune.

    Pruning lowers the quality: fine-tune with the printed command before you use the voice.
    """
    from kalakan.export.voice_prune import prune_voice

    chosen = part or _part_with_weights(voice)
    for change in prune_voice(voice, output_dir, amount=amount, method=method, part=chosen):
        (old, new), (large, small), (_, zeros) = change.parameters, change.bytes, change.zeros
        click.echo(
            f"{change.part}: parameters {old} to {new}, bytes in 16 bits {large} to {small}, "
            f"{zeros:.0%} of the weights zero",
            err=True,
        )
        if method == "weights":
            click.echo(IDLE, err=True)
        else:
            sizes = " ".join(f"--set model.{name}={value}" for name, value in change.settings.items())
            click.echo(
                f"train on: kalakan train --model-type {change.model_type} --start-from {output_dir} {sizes} "
                "--data-dir CORPUS --output-dir RUN",
                err=True,
            )
    write_line(output_dir)


def _part_with_weights(path: str) -> str:
    """ "both", or the only part that has weights: Griffin-Lim has none."""
    from kalakan.voices.package import load_voice

    voice = load_voice(path)
    found = [part for part in ("acoustic", "vocoder") if voice.has(f"{part}.safetensors")]
    return found[0] if len(found) == 1 else "both"
