"""`kalakan synthesize --input`: synthesizes every row of a corpus to a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.entry import show_error
from kalakan.cli.kinds import FILE, FOLDER, WORD
from kalakan.cli.streams import complain, going_on, write_line
from kalakan.synthesis.options import CONTROLS, SpeakOptions

if TYPE_CHECKING:
    from kalakan.jobs.job import Run, Status
    from kalakan.jobs.row import Row
    from kalakan.jobs.settings import JobSettings

LAYOUTS = ("files", "ljspeech", "webdataset")
SHARD_ROWS = 1000
MOST_NAMED = 10
"""Maximum number of failed or suspicious rows that are listed."""
SHOW_S = 0.5
"""Interval of the progress line."""
_LOCAL = "local"


def corpus_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options of a corpus job."""
    for option in reversed(
        (
            click.option(
                "--input",
                type=FILE,
                metavar="FILE",
                help="Corpus to synthesize: .txt, .csv, .tsv, .jsonl, .epub, .docx, .pdf.",
            ),
            click.option("--output-dir", type=FOLDER, metavar="FOLDER", help="Output folder for --input."),
            click.option(
                "--workers",
                type=int,
                metavar="N",
                help="Threads for --input, or processes with --ray; default: one per core.",
            ),
            click.option(
                "--layout",
                type=click.Choice(LAYOUTS),
                help="Output layout: files, ljspeech (wavs/, metadata.csv), webdataset (tar shards); default: files.",
            ),
            click.option(
                "--shard-rows",
                type=int,
                metavar="N",
                help=f"Rows per webdataset shard; default: {SHARD_ROWS}.",
            ),
            click.option(
                "--join",
                type=FILE,
                metavar="FILE",
                help="Also join all rows of --input into one audio file with chapters.",
            ),
            click.option(
                "--recognizer",
                type=FILE,
                metavar="FILE",
                help="recognizer.pt to detect skipped and repeated words in the audio of --input.",
            ),
            click.option(
                "--redo-changed",
                is_flag=True,
                help="Continue a job whose corpus, settings or voice changed: synthesize the rows that differ again.",
            ),
            click.option(
                "--ray",
                type=WORD,
                is_flag=False,
                flag_value=_LOCAL,
                metavar="[ADDRESS]",
                help="Run --input on a Ray cluster that shares --output-dir; without ADDRESS, on this machine.",
            ),
        )
    ):
        command = option(command)
    return command


def check_no_corpus_options(options: Mapping[str, Any]) -> None:
    """Raises `click.UsageError` for corpus options without `--input`."""
    for name in (
        "output_dir",
        "workers",
        "layout",
        "shard_rows",
        "join",
        "recognizer",
        "redo_changed",
        "ray",
    ):
        if options[name]:
            raise click.UsageError(
                f"--{name.replace('_', '-')} is an option of a corpus; name it with --input"
            )


def synthesize_corpus(text: str | None, options: Mapping[str, Any], config: Mapping[str, Any]) -> int:
    """Runs the job that the options describe, reports its results, and returns the exit status: 1 if a row failed.

    `config` holds the settings of `Synthesizer`.
    """
    from kalakan.jobs.job import run_job

    _check(text, options)
    settings = _settings(options, config)
    show = Progress() if sys.stderr.isatty() else None
    started = time.monotonic()
    try:
        with going_on():
            status = run_job(settings, run=_run(options, settings), progress=show)
    finally:
        if show is not None:
            show.close()
    _tell(status, settings, time.monotonic() - started)
    return 1 if status.failed else 0


class Progress:
    """A progress line on standard error, overwritten in place."""

    def __init__(self) -> None:
        self._shown_at = float("-inf")
        self._is_open = False

    def __call__(self, status: Status) -> None:
        """Shows the progress of the job, twice a second."""
        now = time.monotonic()
        if now - self._shown_at >= SHOW_S:
            self._shown_at, self._is_open = now, True
            click.echo(f"\r{progress_line(status)}\x1b[K", err=True, nl=False)

    def close(self) -> None:
        """Ends the line."""
        if self._is_open:
            click.echo(err=True)


def progress_line(status: Status) -> str:
    """Rows, audio, real-time factor, time left, failures."""
    left, rtf = status.remaining_s, status.rtf
    parts = [f"{status.kept + status.done}/{status.rows} rows", f"{clock(status.seconds)} of audio"]
    if rtf is not None:
        parts.append(f"RTF {rtf:.4f}")
    if left is not None:
        parts.append(f"{clock(left)} left")
    if status.failed:
        parts.append(f"{status.failed} failed")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """A duration as hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _check(text: str | None, options: Mapping[str, Any]) -> None:
    given = {
        "TEXT": text,
        "--file": options["text_file"],
        "--lines": options["lines"],
        "-o": options["output"],
        "--stream": options["stream"],
    }
    for name, value in given.items():
        if value:
            raise click.UsageError(f"--input is a corpus, and {name} is for one text; leave one of them out")
    if options["output_dir"] is None:
        raise click.UsageError("--input needs --output-dir, the folder of its files")
    if options["subtitles"] and options["join"] is None:
        raise click.UsageError("with --input the subtitles are those of the joined file; give --join too")
    if options["shard_rows"] is not None and options["layout"] != "webdataset":
        raise click.UsageError("--shard-rows is for --layout webdataset")
    if options["join"] is not None and options["layout"] == "webdataset":
        raise click.UsageError("the rows of --layout webdataset lie in shards and cannot be joined")


def _settings(options: Mapping[str, Any], config: Mapping[str, Any]) -> JobSettings:
    from kalakan.jobs.settings import JobSettings, Storage, VoiceSettings

    bits: Any = {None: None, "16": 16, "24": 24, "float": "float"}[options["bits"]]
    return JobSettings(
        corpus=Path(options["input"]),
        output=Path(options["output_dir"]),
        options=SpeakOptions(**{name: options[name] for name in CONTROLS}),
        voice=options["voice"],
        voices=VoiceSettings(options["engine"], options["device"], config, options["lexicon"]),
        format=options["format"] or "wav",
        storage=Storage(
            options["rate"], bits, options["loudness"], bool(options["subtitles"]), options["recognizer"]
        ),
        workers=options["workers"],
        layout=options["layout"] or "files",
        shard_rows=SHARD_ROWS if options["shard_rows"] is None else options["shard_rows"],
        join=None if options["join"] is None else Path(options["join"]),
        subtitles=tuple(map(Path, options["subtitles"])),
        redo_changed=options["redo_changed"],
    )


def _run(options: Mapping[str, Any], settings: JobSettings) -> Run | None:
    if options["ray"] is None:
        return None
    from kalakan.jobs.cluster import ray_runner

    return ray_runner(settings, None if options["ray"] == _LOCAL else options["ray"])


def _tell(status: Status, settings: JobSettings, wall_s: float) -> None:
    """Prints what was written, which rows failed, and which to listen to."""
    from kalakan.jobs.manifest import NAME

    manifest = settings.output / NAME
    for row, error in sorted(status.first_errors, key=_number)[:MOST_NAMED]:
        show_error(f"{row.place} ({row.name}): {error}")
    if status.failed > MOST_NAMED:
        complain(f"{status.failed - MOST_NAMED} more rows failed: error in {manifest}")
    for row, odd in sorted(status.odd, key=_number)[:MOST_NAMED]:
        complain(f"kalakan: warning: {row.place} ({row.name}) is odd: {', '.join(odd)}")
    if len(status.odd) > MOST_NAMED:
        complain(f"{len(status.odd) - MOST_NAMED} more rows are odd, by the figures in {manifest}")
    before = f", {status.kept} of them before" if status.kept else ""
    rtf = f" in {clock(wall_s)}, RTF {status.rtf:.4f}" if status.rtf is not None else ""
    write_line(
        f"{status.kept + status.done - status.failed} of {status.rows} rows done{before}; "
        f"{clock(status.seconds)} of audio{rtf} ({manifest})"
    )


def _number(found: tuple[Row, object]) -> int:
    return found[0].number
