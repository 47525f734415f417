"""`kalakan prune`: makes a trained voice smaller."""

from __future__ import annotations

from pathlib import Path

import click

from kalakan.cli.kinds import FILE, FOLDER
from kalakan.cli.streams import write_line

IDLE = "zeros are stored and multiplied like any other number: this voice is neither smaller nor faster"
_SHOWN_EVERY = 100
"""Number of steps between two progress lines."""


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
    type=click.Choice(["acoustic", "vocoder", "both", "encoder", "decoder", "predictors"]),
    help="What to prune; encoder, decoder, and predictors are parts of the acoustic model, which without a part is "
    "pruned except for its predictors.  [default: every model of the voice that has weights]",
)
@click.option(
    "--tune",
    type=int,
    metavar="STEPS",
    default=0,
    show_default=True,
    help="Train each part on what the unpruned voice does, without recordings, 0 to 1000000 steps.",
)
@click.option(
    "--texts",
    type=FILE,
    metavar="FILE",
    help="Sentences to choose channels and to train on.  [default: Kalakan's own]",
)
@click.option(
    "--checkpoints",
    type=FOLDER,
    metavar="FOLDER",
    help="Save the training's state here every 100 steps, and continue from it.",
)
@click.option(
    "--mixed-precision",
    is_flag=True,
    help="Train the first three quarters of the steps in bfloat16: faster on CPUs that have it.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the order of sentences.")
def command(
    voice: str,
    output_dir: str,
    amount: float,
    method: str,
    part: str | None,
    tune: int,
    texts: str | None,
    checkpoints: str | None,
    mixed_precision: bool,
    seed: int,
) -> None:
    """Prune the models of a VOICE folder, and show the savings.

    The channels that matter least on real sentences are removed, and the weights of the others make up for them as
    well as they can. What is lost then can mostly be trained back from the voice itself with --tune, which needs no
    recordings; without it, the command prints how to train on a corpus. The new voice has 16-bit weights; `kalakan
    export NEW --quantize` converts it to 8 bits.
    """
    from kalakan.data.text_files import read_text, split_lines
    from kalakan.export.voice_prune import Tuning, prune_voice

    chosen = part or _part_with_weights(voice)
    tuning = Tuning(
        steps=tune,
        texts=None if texts is None else split_lines(read_text(Path(texts))),
        seed=seed,
        mixed_precision=mixed_precision,
        checkpoints=None if checkpoints is None else Path(checkpoints),
        on_step=_show,
    )
    for change in prune_voice(voice, output_dir, amount=amount, method=method, part=chosen, tuning=tuning):
        (old, new), (large, small), (_, zeros) = change.parameters, change.bytes, change.zeros
        click.echo(
            f"{change.part}: parameters {old} to {new}, bytes in 16 bits {large} to {small}, "
            f"{zeros:.0%} of the weights zero",
            err=True,
        )
        for group in change.distances:
            click.echo(
                f"{group}: off the whole voice by {change.told(group)} (before and after training)", err=True
            )
        if method == "weights":
            click.echo(IDLE, err=True)
        elif not tune:
            sizes = " ".join(f"--set model.{name}={value}" for name, value in change.settings.items())
            click.echo(
                f"train on: kalakan train --model-type {change.model_type} --start-from {output_dir} {sizes} "
                "--data-dir CORPUS --output-dir RUN; or, without recordings, prune again with --tune 2000",
                err=True,
            )
    write_line(output_dir)


def _show(group: str, step: int, loss: float) -> None:
    if step % _SHOWN_EVERY == 0:
        click.echo(f"{group}: step {step}, loss {loss:.4f}", err=True)


def _part_with_weights(path: str) -> str:
    """ "both", or the only part that has weights: Griffin-Lim has none."""
    from kalakan.voices.package import load_voice

    voice = load_voice(path)
    found = [part for part in ("acoustic", "vocoder") if voice.has(f"{part}.safetensors")]
    return found[0] if len(found) == 1 else "both"
