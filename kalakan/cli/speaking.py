"""One text after the other through a synthesizer to an outlet, with subtitles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kalakan.cli.lines import check_numbered, numbered
from kalakan.cli.outlets import Outlet
from kalakan.errors import SubtitleError
from kalakan.storage import check_writable, way_out

if TYPE_CHECKING:
    from kalakan.synthesis.synthesizer import Synthesizer
    from kalakan.synthesis.timing import Sentence


class Subtitles:
    """Files that say when each word is heard; with `lines` the paths are patterns."""

    def __init__(self, paths: Sequence[str], lines: bool) -> None:
        """Raises `click.UsageError` for a path whose suffix names no format, `SubtitleError` for one that cannot be
        written: both are known before a long text is spoken."""
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


class Speaking:
    """Speaks texts in one manner: the keyword arguments of `Synthesizer.stream`."""

    def __init__(
        self, synthesizer: Synthesizer, outlet: Outlet, subtitles: Subtitles, manner: Mapping[str, Any]
    ) -> None:
        self._synthesizer = synthesizer
        self._outlet = outlet
        self._subtitles = subtitles
        self._manner = manner
        self.samples = 0
        """How many were spoken."""

    def speak(self, text: str, number: int) -> str | None:
        """Speaks text `number`, counted from 1; returns the path of its file, if it has one."""
        sentences: list[Sentence] = []
        on_sentence = sentences.append if self._subtitles.paths else None
        speak = self._synthesizer.stream if self._outlet.is_live else self._synthesizer.iter_pieces
        chunks = speak(text, on_sentence=on_sentence, **self._manner)
        path = self._outlet.put(self._counted(chunks), number)
        if self._subtitles.paths:
            self._subtitles.write(sentences, self._synthesizer.sample_rate, text, number)
        return path

    def _counted(self, chunks: Iterable[Any]) -> Iterator[Any]:
        for chunk in chunks:
            self.samples += len(chunk)
            yield chunk


def _check_suffix(path: str) -> None:
    from kalakan.synthesis.subtitles import FORMATS

    if Path(path).suffix[1:].lower() not in FORMATS:
        raise click.UsageError(f"--subtitles {path} has no known suffix; use .srt, .vtt, .TextGrid or .json")


def _check_place(path: str) -> None:
    try:
        check_writable(Path(path))
    except OSError as error:
        raise SubtitleError(f"cannot write {path}: {error.strerror}; {way_out(error)}") from error
