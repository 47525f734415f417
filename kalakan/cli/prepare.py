"""`kalakan prepare`: turns recordings and transcripts into a training corpus."""

from __future__ import annotations

import sys
from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from kalakan.cli.kinds import FILE, FOLDER, NAMED_PROBLEM, PROBLEM, WORD
from kalakan.cli.streams import complain, going_on, write_line
from kalakan.data.preparation.layouts import LAYOUTS
from kalakan.errors import MissingDependencyError, how_to_install

if TYPE_CHECKING:
    from kalakan.data.phone_errors import Ear
    from kalakan.data.preparation.prepare import Prepared

MOST_NAMED = 10


@click.command("prepare")
@click.argument("source", type=FOLDER, metavar="DIR")
@click.argument("output", type=FOLDER, metavar="OUT")
@click.option(
    "--layout",
    type=click.Choice(["auto", *LAYOUTS]),
    default="auto",
    show_default=True,
    help="Layout of DIR.",
)
@click.option(
    "--speaker", type=WORD, help='Speaker of everything in DIR; default: from the layout, else "speaker".'
)
@click.option(
    "--sample-rate",
    type=int,
    default=24_000,
    show_default=True,
    metavar="HZ",
    help="Sample rate of the corpus.",
)
@click.option(
    "--loudness",
    type=float,
    default=-23.0,
    show_default=True,
    metavar="LUFS",
    help="Loudness of every recording.",
)
@click.option(
    "--margin", type=float, default=150.0, show_default=True, metavar="MS", help="Silence kept at both ends."
)
@click.option(
    "--min-seconds", type=float, default=0.5, show_default=True, help="Minimum length of speech, in seconds."
)
@click.option(
    "--max-seconds",
    type=float,
    default=20.0,
    show_default=True,
    help="Maximum length of a recording, in seconds.",
)
@click.option(
    "--validation",
    type=float,
    default=0.05,
    show_default=True,
    help="Fraction of the corpus in the validation split.",
)
@click.option(
    "--test", type=float, default=0.05, show_default=True, help="Fraction of the corpus in the test split."
)
@click.option(
    "--keep",
    multiple=True,
    type=PROBLEM,
    metavar="PROBLEM",
    help="Keep utterances with a problem such as lost_letters.",
)
@click.option(
    "--leave-out",
    multiple=True,
    type=NAMED_PROBLEM,
    metavar="PROBLEM",
    help="Leave out utterances with a problem that is otherwise only reported, such as unwritten_pauses.",
)
@click.option(
    "--recognizer",
    type=FILE,
    metavar="FILE",
    help="recognizer.pt to report transcripts that do not match their audio (misheard).",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Number of processes."
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on standard error.")
def command(
    source: str,
    output: str,
    layout: str,
    speaker: str | None,
    sample_rate: int,
    loudness: float,
    margin: float,
    min_seconds: float,
    max_seconds: float,
    validation: float,
    test: float,
    keep: tuple[str, ...],
    leave_out: tuple[str, ...],
    recognizer: str | None,
    workers: int,
    quiet: bool,
) -> None:
    """Prepare a corpus in OUT from the recordings and transcripts in DIR. DIR is never changed.

    Reads folders with a .txt next to each recording, any .tsv, .csv or JSON lines with a path and a text (and a
    speaker, if there is one), and the layouts of LJSpeech, Common Voice, BibleTTS, VCTK, LibriTTS, LibriSpeech, MLS,
    M-AILABS, JSUT, CMU Arctic, FLEURS, OpenSLR, Kaldi, ESPnet, VITS, NeMo, Piper, WebDataset and Hugging Face's
    audiofolder.
    OUT/report.md lists what was found, what was left out, and why. An interrupted run is resumed; a repeated run
    processes only what changed.
    """
    from kalakan.data.preparation.options import PrepareOptions
    from kalakan.data.preparation.prepare import prepare

    options = PrepareOptions(
        sample_rate=sample_rate,
        loudness_lufs=loudness,
        margin_ms=margin,
        min_seconds=min_seconds,
        max_seconds=max_seconds,
        validation_share=validation,
        test_share=test,
        keep=keep,
        leave_out=leave_out,
    )
    show = None if quiet or not sys.stderr.isatty() else _show
    with going_on():
        made = prepare(
            source,
            output,
            layout=layout,
            speaker=speaker,
            options=options,
            ear=None if recognizer is None else _ear(recognizer),
            workers=workers,
            progress=show,
        )
    _tell(made)


def _ear(recognizer: str) -> Ear:
    """The recognizer of a file; only this needs torch."""
    if find_spec("torch") is None:
        raise MissingDependencyError(f"a recognizer needs torch; {how_to_install('train')}")
    from kalakan.recognition import PhoneRecognizer

    return PhoneRecognizer(recognizer)


def _tell(made: Prepared) -> None:
    """Prints what was made, what was left out, and what to do next."""
    from kalakan.data.preparation.corpus import by_speaker, has_lost_letters
    from kalakan.data.preparation.prepare import count_kinds
    from kalakan.data.preparation.report import LOST_LETTERS

    write_line(
        f"{len(made.kept)} utterances, {made.seconds / 60:.1f} minutes; {len(made.left_out)} left out "
        f"({made.folder / 'report.md'})"
    )
    if made.left_out:
        write_line(f"left out: {count_kinds(made.left_out, made.options)}")
    named = Counter(kind for item in made.kept for kind in {problem.kind for problem in item.problems})
    if named:
        write_line(f"named: {', '.join(f'{count} {kind}' for kind, count in named.most_common())}")
    source = made.source
    unused = {
        "audio without a transcript": len(source.without_text),
        "transcripts without audio": len(source.without_audio),
        "lines that repeat another": source.repeated,
    }
    if any(unused.values()):
        write_line(f"not used: {', '.join(f'{what} ({count})' for what, count in unused.items() if count)}")
    speakers = sorted(by_speaker(made.kept))
    more = f" and {len(speakers) - MOST_NAMED} more" if len(speakers) > MOST_NAMED else ""
    write_line(f"layout {source.layout}, speakers: {', '.join(speakers[:MOST_NAMED])}{more}")
    for columns in source.columns:
        write_line(f"columns of {columns}")
    for table in source.left_tables:
        write_line(f"not read: {table}")
    write_line(f"next: kalakan align {made.folder}")
    if has_lost_letters([*made.kept, *made.left_out]):
        complain(f"kalakan: warning: {LOST_LETTERS}")


def _show(done: int, total: int) -> None:
    click.echo(f"\r{done}/{total} prepared", err=True, nl=done == total)
