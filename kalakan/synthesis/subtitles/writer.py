"""Chooses the subtitle format and writes the file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from kalakan.errors import SubtitleError
from kalakan.storage import way_out, whole_file
from kalakan.synthesis.subtitles.srt import format_srt
from kalakan.synthesis.subtitles.textgrid import format_textgrid
from kalakan.synthesis.subtitles.timing_json import format_json
from kalakan.synthesis.subtitles.tokens import Token, tokens_of
from kalakan.synthesis.subtitles.webvtt import format_webvtt, format_webvtt_words
from kalakan.synthesis.timing import Timing

SubtitleFile = str | os.PathLike[str] | BinaryIO | TextIO
Sentences = list[list[Token]]
FORMATS: dict[str, Callable[[Timing, Sentences], str]] = {
    "srt": format_srt,
    "vtt": format_webvtt,
    "textgrid": format_textgrid,
    "json": format_json,
}
"""Name (the lower-case suffix) and writer of each format."""


def write_subtitles(
    timing: Timing, text: str, file: SubtitleFile, format: str | None = None, *, words: bool = False
) -> None:
    """Writes the times of the words of `text`, the raw input, to a path or an open file, text or binary, as UTF-8.

    Args:
        timing: Timing of the audio.
        text: The raw text of the audio, including markup; positions in `timing` count its code points.
        file: Destination; a path is replaced atomically, so that a failure keeps the old file.
        format: "srt", "vtt", "textgrid" or "json"; by default the path's suffix.
        words: Whether to write word times within cues, for karaoke; only for "vtt", while "textgrid" and "json"
            always have them.

    Raises:
        SubtitleError: The format is unknown or has no word times, the timing is empty or belongs to another text, or
            the file cannot be written.
    """
    path = Path(file) if isinstance(file, (str, os.PathLike)) else None
    name = format or (path.suffix[1:] if path else "")
    if not name:
        where = str(path) if path else "an open file"
        raise SubtitleError(f"{where} has no suffix; give a format: {', '.join(FORMATS)}")
    written = format_subtitles(timing, text, name, words=words)
    if path:
        _write_path(path, written)
    elif isinstance(file, io.TextIOBase):
        file.write(written)
    else:
        cast("BinaryIO", file).write(written.encode("utf-8"))


def format_subtitles(timing: Timing, text: str, format: str, *, words: bool = False) -> str:
    """The output of `write_subtitles` as a string; arguments and errors as there."""
    name = format.lower()
    if name not in FORMATS:
        raise SubtitleError(f"subtitle format {format[:40]!r} is unknown; use {', '.join(FORMATS)}")
    if words and name == "srt":
        raise SubtitleError("srt has no times of words within a cue; use vtt, textgrid or json")
    if timing.samples <= 0:
        raise SubtitleError("the timing is empty: there is no audio to write subtitles for")
    end = max(sentence.source[1] for sentence in timing.sentences)
    if end > len(text):
        raise SubtitleError(
            f"the timing reaches character {end} of a text of {len(text)}; give the text that was spoken"
        )
    writer = format_webvtt_words if words and name == "vtt" else FORMATS[name]
    return writer(timing, tokens_of(timing, text))


def _write_path(path: Path, written: str) -> None:
    try:
        with whole_file(path) as file:
            file.write(written.encode("utf-8"))
    except OSError as error:
        raise SubtitleError(f"cannot write {path}: {error.strerror or error}; {way_out(error)}") from error
