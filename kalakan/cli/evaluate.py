"""`kalakan evaluate`: how good a voice is, and clips for an external evaluation."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from kalakan.cli.kinds import FILE, FOLDER, SPEAKER
from kalakan.cli.streams import read_file, write_line
from kalakan.errors import TextError
from kalakan.voices.package import load_voice


@click.command("evaluate")
@click.argument("voice", type=FOLDER, metavar="[VOICE]", required=False)
@click.option(
    "--data", type=FOLDER, metavar="FOLDER", help="Corpus whose test split the voice is measured on."
)
@click.option(
    "--melody",
    type=FILE,
    metavar="FILE",
    help="Table of recordings' F0, one line a nucleus (clip, speaker, text, f0_hz): compare the melody with it.",
)
@click.option(
    "--output", type=FOLDER, metavar="FOLDER", help="Where report.json, melody.json and pictures go."
)
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Only this speaker; may be repeated.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N sentences of each speaker.")
@click.option(
    "--mos/--no-mos", default=True, help="Ask DistilMOS where it is installed (default): it is slow."
)
@click.option(
    "--clips", type=FOLDER, metavar="FOLDER", help="Write a clip of each line of --texts, and manifest.tsv."
)
@click.option("--texts", type=FILE, metavar="FILE", help="One text a line, UTF-8; no line is refused.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
def command(
    voice: str | None,
    data: str | None,
    melody: str | None,
    output: str | None,
    speakers: tuple[str, ...],
    limit: int | None,
    mos: bool,
    clips: str | None,
    texts: str | None,
    quiet: bool,
) -> None:
    """Measure a VOICE folder (default: the one that comes with kalakan) against recordings.

    --data prints a table: distances to the recordings' mel, F0, durations, tones, vowels, the vocoder alone, and
    DistilMOS.
    --melody prints how closely the voice's melody, and the predicted tones themselves, match real speakers, which rules
    agree with them, and the words that do not.
    """
    if (clips is None) != (texts is None):
        raise click.UsageError("--clips and --texts go together")
    if data is None and clips is None and melody is None:
        raise click.UsageError("give --data, --melody, or --clips and --texts")
    if data is None and melody is None and output is not None:
        raise click.UsageError("--output is for the reports on --data and --melody")
    if data is not None:
        _measure(voice, data, output=output, speakers=speakers, limit=limit, ask_mos=mos, quiet=quiet)
    if melody is not None:
        _measure_melody(voice, melody, output, speakers, quiet)
    if clips is not None and texts is not None:
        _speak_clips(voice, clips, texts, speakers, quiet)


def _measure(source: str | None, data: str, *, quiet: bool, **options: Any) -> None:
    voice = load_voice(source)
    from kalakan.evaluation.evaluate import evaluate
    from kalakan.evaluation.report import format_table

    with _progress("measured", quiet) as progress:
        line = shlex.join(["kalakan", *sys.argv[1:]])
        report = evaluate(voice, data, command=line, progress=progress, **options)
    write_line(format_table(report).rstrip("\n"))


def _measure_melody(
    source: str | None, recordings: str, output: str | None, speakers: tuple[str, ...], quiet: bool
) -> None:
    voice = load_voice(source)
    from kalakan.evaluation.evaluate import evaluate_melody
    from kalakan.evaluation.melody import format_melody

    with _progress("compared", quiet) as progress:
        line = shlex.join(["kalakan", *sys.argv[1:]])
        report = evaluate_melody(
            voice, recordings, output=output, speakers=speakers, command=line, progress=progress
        )
    write_line(format_melody(report).rstrip("\n"))


def _speak_clips(source: str | None, folder: str, texts: str, speakers: tuple[str, ...], quiet: bool) -> None:
    from kalakan.evaluation.clips import read_texts, write_clips
    from kalakan.synthesis.synthesizer import Synthesizer

    if len(speakers) > 1:
        raise click.UsageError("clips have one speaker; give --speaker once")
    lines = read_texts(read_file(texts))
    if not lines:
        raise TextError(f"{texts}: holds no line; give one text a line")
    synthesizer = Synthesizer(source, speaker=speakers[0] if speakers else None)
    speaker = speakers[0] if speakers else synthesizer.speakers[0]
    with _progress("spoken", quiet) as progress:
        counts = write_clips(
            folder, lines, synthesizer.synthesize, synthesizer.sample_rate, speaker, progress
        )
    write_line(f"{counts.clips} clips, {counts.silent} of them silent, {counts.seconds:.1f} s, in {folder}")


@contextmanager
def _progress(done: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Shows "12/48 measured" on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(count: int, total: int) -> None:
        click.echo(f"\r{count}/{total} {done}", err=True, nl=count == total)

    yield show
