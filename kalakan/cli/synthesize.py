"""`kalakan synthesize`: a text into an audio file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.streams import read_file, read_stdin, text_argument

if TYPE_CHECKING:
    from kalakan.synthesis.spool import Spool
    from kalakan.synthesis.synthesizer import Synthesizer


@click.command("synthesize")
@click.argument("text", required=False)
@click.option("-o", "--output", metavar="FILE", default="-", help="Audio file; - is standard output.")
@click.option("--file", "text_file", metavar="TEXTFILE", help="Read the text from a UTF-8 file.")
@click.option("--voice", metavar="FOLDER", help="Voice folder; default: the voice that comes with kalakan.")
@click.option("--speaker", metavar="NAME", help="Speaker of the voice; default: its first.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Tempo, 0.5 to 2.")
@click.option("--pitch", type=float, default=0.0, show_default=True, help="Shift in semitones, -12 to 12.")
@click.option("--energy", type=float, default=1.0, show_default=True, help="Amplitude, 0.25 to 4.")
@click.option("--lexicon", metavar="FILE", help="Readings of words: lines of word<TAB>units.")
@click.option("--engine", type=click.Choice(["auto", "onnx", "torch"]), default="auto", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Torch device, such as cuda:0.")
@click.option("--threads", type=int, help="CPU threads; default: 1.")
@click.option("--config", metavar="FILE", help="YAML settings; the section inference acts.")
@click.option("-f", "--format", metavar="FORMAT", help="wav, flac, ogg, mp3; default: the file's suffix.")
@click.option("-v", "--verbose", is_flag=True, help="Say what runs and how fast.")
def command(text: str | None, text_file: str | None, output: str, format: str | None, **options: Any) -> None:
    """Speak TEXT (default or -: standard input) into an audio file."""
    if text_file is not None and text is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("audio does not belong on a terminal; give -o FILE")
    spoken = _text(text, text_file)
    started = time.perf_counter()
    synthesizer = _synthesizer(options)
    loaded = time.perf_counter()
    seconds = _speak(synthesizer, spoken, output, format, options)
    if options["verbose"]:
        _report(synthesizer, loaded - started, time.perf_counter() - loaded, seconds)


def _text(text: str | None, text_file: str | None) -> str:
    if text_file is not None:
        return read_file(text_file)
    return read_stdin() if text in (None, "-") else text_argument(text or "")


def _synthesizer(options: dict[str, Any]) -> Synthesizer:
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.utils.config import Config

    config = Config(options["config"]).to_dict()
    if options["threads"] is not None:
        config.setdefault("inference", {})["threads"] = options["threads"]
    return Synthesizer(
        options["voice"],
        device=options["device"],
        engine=options["engine"],
        config=config,
        speaker=options["speaker"],
        lexicon=options["lexicon"],
    )


def _speak(
    synthesizer: Synthesizer, text: str, output: str, format: str | None, options: dict[str, Any]
) -> float:
    """Writes the audio and returns its length in seconds."""
    from kalakan.audio.files import write_audio_blocks
    from kalakan.synthesis.spool import Spool

    pieces = synthesizer.iter_pieces(
        text, speed=options["speed"], pitch=options["pitch"], energy=options["energy"]
    )
    with Spool() as spool:
        target = sys.stdout.buffer if output == "-" else output
        write_audio_blocks(target, _spooled(spool, pieces), synthesizer.sample_rate, format)
        return spool.frames / synthesizer.sample_rate


def _spooled(spool: Spool, pieces: Iterator[Any]) -> Iterator[Any]:
    """The pieces once all are spoken. The writer opens its file before it asks for the first block, so that a place
    that cannot be written is known before an hour of speaking."""
    for piece in pieces:
        spool.add(piece)
    yield from spool.blocks()


def _report(synthesizer: Synthesizer, load_s: float, speak_s: float, audio_s: float) -> None:
    from kalakan.native import status

    voice = synthesizer.voice
    name = f"{voice.name} {voice.version}" if voice else "bare model files"
    click.echo(str(status(ask_torch=synthesizer.engine == "torch")), err=True)
    click.echo(f"engine {synthesizer.engine} · voice {name}", err=True)
    click.echo(
        f"loaded in {load_s:.2f} s · spoke {audio_s:.2f} s of audio in {speak_s:.2f} s · "
        f"RTF {speak_s / audio_s:.3f} (time ÷ audio, lower is faster)",
        err=True,
    )
