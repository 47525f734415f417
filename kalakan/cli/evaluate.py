"""`kalakan evaluate`: measures a voice, and writes clips for an external evaluation."""

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
    "--data", type=FOLDER, metavar="FOLDER", help="Corpus; the voice is measured on its test split."
)
@click.option(
    "--melody",
    type=FILE,
    metavar="FILE",
    help="Compare the melody with a table of recordings' F0, one line per nucleus (clip, speaker, text, f0_hz).",
)
@click.option(
    "--recognizer",
    type=FILE,
    metavar="FILE",
    help="recognizer.pt from `kalakan train --model-type recognizer`, to count phone errors.",
)
@click.option(
    "--speech",
    type=FOLDER,
    metavar="FOLDER",
    help="Run --recognizer on the real speech in the test split of this corpus.",
)
@click.option(
    "--output",
    type=FOLDER,
    metavar="FOLDER",
    help="Folder for report.json, melody.json, speech.json and plots.",
)
@click.option(
    "--speaker",
    "speakers",
    type=SPEAKER,
    metavar="NAME",
    multiple=True,
    help="Evaluate only this speaker; may be repeated.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N sentences per speaker.")
@click.option("--mos/--no-mos", default=True, help="Score with DistilMOS if it is installed (default, slow).")
@click.option(
    "--clips", type=FOLDER, metavar="FOLDER", help="Write a clip for each line of --texts, and manifest.tsv."
)
@click.option("--texts", type=FILE, metavar="FILE", help="One text per line, UTF-8.")
@click.option(
    "--ratings",
    type=FOLDER,
    metavar="FOLDER",
    help="Folder of a listening test with its answers: print the results.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on standard error.")
def command(
    voice: str | None,
    data: str | None,
    melody: str | None,
    recognizer: str | None,
    speech: str | None,
    output: str | None,
    speakers: tuple[str, ...],
    limit: int | None,
    mos: bool,
    clips: str | None,
    texts: str | None,
    ratings: str | None,
    quiet: bool,
) -> None:
    """Measure a VOICE folder (default: the voice that comes with kalakan) against recordings.

    --data prints a table of distances to the recordings (mel, F0, durations, tones, vowels, the vocoder alone) and
    DistilMOS; with --recognizer also phone errors and the most confused phones.
    --melody prints how closely the voice's melody and the predicted tones match real speakers, per rule, and the words
    that do not match.
    --speech prints the phone errors of --recognizer on recordings, which need no durations.
    --ratings prints mean opinion scores and shares with 95 % intervals from the answers to `kalakan listening-test`.
    """
    if (clips is None) != (texts is None):
        raise click.UsageError("--clips and --texts go together")
    reports = (data, melody, speech, ratings)
    if clips is None and not any(reports):
        raise click.UsageError("give --data, --melody, --speech, --ratings, or --clips and --texts")
    if output is not None and not any(reports):
        raise click.UsageError("--output is for the reports on --data, --melody, --speech and --ratings")
    if ratings is not None and voice is not None and data is None and melody is None and clips is None:
        raise click.UsageError("--ratings are of the voices in the test; leave out VOICE")
    if speech is not None and recognizer is None:
        raise click.UsageError("--speech needs --recognizer, which listens to it")
    if recognizer is not None and data is None and speech is None:
        raise click.UsageError("--recognizer is for the reports on --data and --speech")
    if ratings is not None:
        _rate(ratings, output)
    if data is not None:
        _measure(
            voice,
            data,
            output=output,
            speakers=speakers,
            limit=limit,
            ask_mos=mos,
            recognizer=recognizer,
            quiet=quiet,
        )
    if speech is not None and recognizer is not None:
        _listen(speech, recognizer, output=output, speakers=speakers, limit=limit, quiet=quiet)
    if melody is not None:
        _measure_melody(voice, melody, output, speakers, quiet)
    if clips is not None and texts is not None:
        _speak_clips(voice, clips, texts, speakers, quiet)


def _rate(folder: str, output: str | None) -> None:
    from kalakan.evaluation.listening.ratings import evaluate_ratings, format_ratings
    from kalakan.evaluation.report import output_folder, write_report

    place = output_folder(output)
    report = evaluate_ratings(folder)
    if place is not None:
        write_report(place / "ratings.json", report)
    write_line(format_ratings(report).rstrip("\n"))


def _measure(source: str | None, data: str, *, quiet: bool, **options: Any) -> None:
    voice = load_voice(source)
    from kalakan.evaluation.evaluate import evaluate
    from kalakan.evaluation.report import format_table

    with _progress("measured", quiet) as progress:
        line = shlex.join(["kalakan", *sys.argv[1:]])
        report = evaluate(voice, data, command=line, progress=progress, **options)
    write_line(format_table(report).rstrip("\n"))


def _listen(recordings: str, recognizer: str, *, quiet: bool, **options: Any) -> None:
    from kalakan.evaluation.evaluate import evaluate_speech
    from kalakan.evaluation.report import format_speech

    with _progress("heard", quiet) as progress:
        line = shlex.join(["kalakan", *sys.argv[1:]])
        report = evaluate_speech(recordings, recognizer, command=line, progress=progress, **options)
    write_line(format_speech(report).rstrip("\n"))


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
