"""One text after the other through a synthesizer to an output, with subtitles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.kinds import SPEAKER
from kalakan.cli.line_by_line import check_numbered, numbered
from kalakan.cli.outputs import Output
from kalakan.cli.progress import progress_of
from kalakan.errors import SubtitleError
from kalakan.storage import check_writable, way_out
from kalakan.synthesis.options import CONTROLS, DEFAULTS, SEEDS, Control

if TYPE_CHECKING:
    from kalakan.synthesis.delivery import Chunk
    from kalakan.synthesis.options import SpeakOptions
    from kalakan.synthesis.stream import Stream
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.synthesis.timing import Sentence


class Subtitles:
    """Files with the times of each word; with `lines` the paths are patterns."""

    def __init__(self, paths: Sequence[str], lines: bool) -> None:
        """Raises `click.UsageError` for a path whose suffix names no format, `SubtitleError` for one that cannot be
        written: both before a long text is synthesized."""
        self.paths = paths
        self._lines = lines
        for path in paths:
            _check_suffix(path)
            if lines:
                check_numbered(path, "--subtitles")
            _check_place(numbered(path, 1) if lines else path)

    def write(self, sentences: Sequence[Sentence], sample_rate: int, text: str, number: int) -> None:
        """Writes the files of text `number`, counted from 1."""
        from kalakan.synthesis.subtitles import write_subtitles
        from kalakan.synthesis.timing import Timing

        timing = Timing(sample_rate, tuple(sentences))
        for path in self.paths:
            write_subtitles(timing, text, numbered(path, number) if self._lines else path)


class SynthesisRun:
    """Synthesizes texts with one set of options."""

    def __init__(
        self, synthesizer: Synthesizer, output: Output, subtitles: Subtitles, options: SpeakOptions
    ) -> None:
        self._synthesizer = synthesizer
        self._output = output
        self._subtitles = subtitles
        self._options = options
        self.samples = 0
        """Number of samples generated."""

    def speak(self, text: str, number: int) -> str | None:
        """Synthesizes text `number`, counted from 1; returns the path of its file, if it has one."""
        sentences: list[Sentence] = []
        is_live = self._output.is_live
        with (
            self._synthesizer.stream(text, self._options, by_sentence=not is_live) as stream,
            progress_of(text, is_live) as show,
        ):
            path = self._output.put(self._taken(stream, sentences, show), number)
        if self._subtitles.paths:
            self._subtitles.write(sentences, self._synthesizer.sample_rate, text, number)
        return path

    def _taken(
        self, stream: Stream, sentences: list[Sentence], show: Callable[[Chunk], None]
    ) -> Iterator[Any]:
        """The audio of a stream; its samples are counted, and its sentences noted where subtitles need them."""
        for chunk in stream.chunks():
            if self._subtitles.paths:
                sentences.extend(chunk.sentences)
            self.samples += len(chunk.audio)
            show(chunk)
            yield chunk.audio


def control_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command an option for each field of `SpeakOptions`."""
    for name, control in reversed(CONTROLS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, **_option(name, control))(command)
    return command


def _option(name: str, control: Control) -> dict[str, Any]:
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return {"is_flag": True, "help": f"{control.help}."}
    if control.choices:
        return {"type": click.Choice(control.choices), "help": f"{control.help}; default: the voice's."}
    if default is None:
        return {"type": SPEAKER, "metavar": "NAME", "help": f"{control.help}; default: its first."}
    limits = "0 to 2^32 - 1" if control.high == SEEDS - 1 else f"{control.low:g} to {control.high:g}"
    unit = f" {control.unit}" if control.unit else ""
    return {
        "type": type(default),
        "default": default,
        "show_default": True,
        "help": f"{control.help}, {limits}{unit}.",
    }


def _check_suffix(path: str) -> None:
    from kalakan.synthesis.subtitles import FORMATS

    if Path(path).suffix[1:].lower() not in FORMATS:
        raise click.UsageError(f"--subtitles {path} has no known suffix; use .srt, .vtt, .TextGrid or .json")


def _check_place(path: str) -> None:
    try:
        check_writable(Path(path))
    except OSError as error:
        raise SubtitleError(f"cannot write {path}: {error.strerror}; {way_out(error)}") from error
