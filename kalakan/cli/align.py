"""`kalakan align`: adds durations and TextGrids, learned from audio and text, to a corpus."""

from __future__ import annotations

import click

from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import going_on, write_line
from kalakan.cli.train import check_installed, read_settings

MOST_NAMED = 10


@click.command("align")
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option(
    "--aligner",
    type=FILE,
    metavar="FILE",
    help="aligner.pt from another corpus of the same voice; default: train one.",
)
@click.option(
    "--config", type=FILE, metavar="FILE", help="YAML settings (audio, model, training) of the aligner."
)
@click.option(
    "--set",
    "changes",
    type=WORD,
    metavar="KEY=VALUE",
    multiple=True,
    help="One setting, such as training.max_steps=800.",
)
@click.option(
    "--features", type=FOLDER, metavar="FOLDER", help="Folder of cached mels; default: DIR/features."
)
@click.option(
    "--textgrids", type=FOLDER, metavar="FOLDER", help="Folder of TextGrids; default: DIR/textgrids."
)
@click.option(
    "--corrected",
    type=FOLDER,
    metavar="FOLDER",
    help="Use the durations of corrected TextGrids in FOLDER (<id>.TextGrid, from Praat or another aligner).",
)
@click.option("--again", is_flag=True, help="Replace existing durations.")
@click.option("--device", default="cpu", show_default=True, help="Torch device, such as cuda:0.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress bar.")
def command(
    folder: str,
    aligner: str | None,
    config: str | None,
    changes: tuple[str, ...],
    features: str | None,
    textgrids: str | None,
    corrected: str | None,
    again: bool,
    device: str,
    quiet: bool,
) -> None:
    """Force-align the corpus in DIR: find when each sound begins and ends.

    DIR is a corpus folder from `kalakan prepare`. The command trains an aligner on the recordings and their transcripts
    (minutes on a laptop) and keeps it in DIR/aligner; an interrupted run is resumed. It writes the durations (in
    meta.jsonl), TextGrids, and alignment.tsv, which lists the utterances whose text and audio match worst.
    """
    settings = read_settings(config, changes, None)
    if corrected is not None:
        if again or aligner or textgrids:
            raise click.UsageError("--corrected aligns nothing; leave --again, --aligner and --textgrids out")
        from kalakan.data.labels import read_corrected
        from kalakan.models import registry

        rate = settings.settings(registry.training_settings("aligner")).audio.sample_rate
        write_line(
            f"{len(read_corrected(folder, corrected, rate))} utterances have the durations of {corrected}"
        )
        return
    check_installed()
    from kalakan.training.align import align

    with going_on():
        made = align(
            folder,
            config=settings,
            aligner=aligner,
            features=features,
            textgrids=textgrids,
            again=again,
            device=device,
            quiet=quiet,
        )
    write_line(
        f"{len(made.durations)} utterances aligned, {len(made.too_short) + len(made.damaged)} left out"
    )
    left_out = (("fewer frames than sounds", made.too_short), ("damaged", tuple(made.damaged)))
    for title, names in (*left_out, ("doubtful", made.doubtful)):
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            write_line(f"{title}: {', '.join(names[:MOST_NAMED])}{more}")
