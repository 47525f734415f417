"""`kalakan synthesize`: a text as audio: played, a file or a stream."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.corpus import check_no_corpus_options, corpus_options, synthesize_corpus
from kalakan.cli.kinds import AUDIO_FORMAT, FILE, FOLDER
from kalakan.cli.line_by_line import answer_lines
from kalakan.cli.outputs import Shape, choose_output
from kalakan.cli.streams import read_file, read_stdin, text_argument
from kalakan.cli.synthesis_run import Subtitles, SynthesisRun, control_options
from kalakan.storage import real_path
from kalakan.synthesis.options import CONTROLS, SpeakOptions

if TYPE_CHECKING:
    from kalakan.audio.formats import Bits
    from kalakan.synthesis.synthesizer import Synthesizer


@click.command("synthesize", context_settings={"max_content_width": 110})
@click.argument("text", required=False)
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help="Audio file, or - for standard output; default: play it.",
)
@click.option(
    "-f",
    "--format",
    type=AUDIO_FORMAT,
    metavar="FORMAT",
    help="wav, flac, ogg, opus, mp3, pcm; default: by FILE's suffix.",
)
@click.option("--rate", type=int, metavar="HZ", help="Sample rate, 8000 to 48000; default: the voice's.")
@click.option(
    "--bits",
    type=click.Choice(["16", "24", "float"]),
    help="Sample format of wav, flac and pcm; default: 16.",
)
@click.option(
    "--loudness",
    type=float,
    metavar="LUFS",
    help="Integrated loudness, -50 to -14, with a true peak below -1.5 dBTP; default: that of the voice.",
)
@click.option("--stream", is_flag=True, help="Write audio to standard output during synthesis.")
@click.option(
    "--subtitles",
    type=FILE,
    metavar="FILE",
    multiple=True,
    help="Also write word times: .srt, .vtt, .TextGrid, .json; may be repeated; with --input, needs --join.",
)
@click.option("--file", "text_file", type=FILE, metavar="TEXTFILE", help="Read the text from a UTF-8 file.")
@click.option(
    "--lines", is_flag=True, help="Synthesize each line separately; {n} in FILE is the line number."
)
@click.option(
    "--voice", type=FOLDER, metavar="FOLDER", help="Voice folder; default: the voice that comes with kalakan."
)
@control_options
@click.option("--lexicon", type=FILE, metavar="FILE", help="Readings of words: lines of word<TAB>units.")
@click.option("--engine", type=click.Choice(["auto", "onnx", "torch"]), default="auto", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Torch device, such as cuda:0.")
@click.option("--threads", type=int, help="CPU threads; default: 1.")
@click.option(
    "--config",
    type=FILE,
    metavar="FILE",
    help="YAML settings (the sections inference and model are used), or edge: 8 bits, low memory.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show versions, timing and speed.")
@corpus_options
def command(text: str | None, **options: Any) -> int:
    """Synthesize TEXT and play it or write it to a file. If TEXT is missing or -, read standard input.

    Without -o, the audio is played, or written to standard output if that is a file or a pipe.

    With --lines, the models are loaded once and each line is synthesized separately. With -o 'speech-{n:05}.wav', each
    line gets its own file, whose path is printed when it is written (an empty line if the line is blank or fails).
    Otherwise the lines are played, or written to a single stream, one after another.

    With --input, each row of a corpus is written to a file in --output-dir, named by its id or row number, and
    manifest.jsonl records the results. If the job is interrupted, run the same command to resume it. The corpus needs
    the column text. Optional columns are id, voice, format, chapter, and the options from --speaker to --strict, such
    as sentence_pause.
    """
    if options["input"] is not None:
        return synthesize_corpus(text, options, _settings(options))
    check_no_corpus_options(options)
    _check_source(text, options)
    _check_places([options["output"], *options["subtitles"]])
    output = choose_output(options["output"], options["lines"], options["stream"], _shape(options))
    subtitles = Subtitles(options["subtitles"], options["lines"])
    speak_options = SpeakOptions(**{name: options[name] for name in CONTROLS})
    source = None if options["lines"] else _text(text, options["text_file"])
    started = time.perf_counter()
    synthesizer = _synthesizer(options)
    output.open(synthesizer.sample_rate)
    loaded = time.perf_counter()
    run = SynthesisRun(synthesizer, output, subtitles, speak_options)
    status = 0
    try:
        if source is None:
            blank = "" if output.tells_paths else None
            status = answer_lines(_lines(options["text_file"]), run.speak, blank)
        else:
            run.speak(source, 1)
    except BaseException:
        output.abandon()
        raise
    output.close()
    if options["verbose"]:
        spoken_s = run.samples / synthesizer.sample_rate
        _report(synthesizer, loaded - started, time.perf_counter() - loaded, spoken_s)
    return status


def _check_source(text: str | None, options: dict[str, Any]) -> None:
    if text is not None and options["text_file"] is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if text not in (None, "-") and options["lines"]:
        raise click.UsageError("--lines reads standard input or --file; leave TEXT out")


def _check_places(paths: list[str | None]) -> None:
    files = [real_path(path) for path in paths if path is not None]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{twice} is named twice and would be written twice; give each file its own")


def _shape(options: dict[str, Any]) -> Shape:
    bits: dict[str, Bits] = {"16": 16, "24": 24, "float": "float"}
    given = options["bits"]
    return Shape(
        options["format"], options["rate"], None if given is None else bits[given], options["loudness"]
    )


def _text(text: str | None, text_file: str | None) -> str:
    if text_file is not None:
        return read_file(text_file)
    return read_stdin() if text in (None, "-") else text_argument(text or "")


def _lines(text_file: str | None) -> Iterable[bytes]:
    if text_file is None:
        return sys.stdin.buffer
    return read_file(text_file).encode().splitlines()


def _synthesizer(options: dict[str, Any]) -> Synthesizer:
    from kalakan.synthesis.synthesizer import Synthesizer

    return Synthesizer(
        options["voice"],
        device=options["device"],
        engine=options["engine"],
        config=_settings(options),
        speaker=options["speaker"],
        lexicon=options["lexicon"],
    )


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    from kalakan.utils.config import Config

    config = Config(options["config"]).to_dict()
    if options["threads"] is not None:
        config.setdefault("inference", {})["threads"] = options["threads"]
    return config


def _report(synthesizer: Synthesizer, load_s: float, speak_s: float, audio_s: float) -> None:
    from kalakan.native import status

    voice = synthesizer.voice
    name = f"{voice.name} {voice.version}" if voice else "bare model files"
    click.echo(str(status(ask_torch=synthesizer.engine == "torch")), err=True)
    click.echo(f"engine {synthesizer.engine} · voice {name}", err=True)
    rate = f"{speak_s / audio_s:.3f} (time ÷ audio, lower is faster)" if audio_s else "unknown"
    click.echo(
        f"loaded in {load_s:.2f} s · spoke {audio_s:.2f} s of audio in {speak_s:.2f} s · RTF {rate}",
        err=True,
    )
