"""WebVTT (https://www.w3.org/TR/webvtt1/), optionally with the times of words within a cue."""

from __future__ import annotations

from html import escape

from kalakan.synthesis.subtitles.cues import Cue, cues_of, token_ms
from kalakan.synthesis.subtitles.tokens import Token
from kalakan.synthesis.timing import Timing


def format_webvtt(timing: Timing, sentences: list[list[Token]], *, words: bool = False) -> str:
    """The cues of a timing as a WebVTT file; with `words` each word of a cue except the first has its time."""
    blocks = ["WEBVTT\n"]
    for cue in cues_of(timing, sentences):
        text = _timed(cue, timing.sample_rate) if words else _plain(cue)
        blocks.append(f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{text}\n")
    return "\n".join(blocks)


def format_webvtt_words(timing: Timing, sentences: list[list[Token]]) -> str:
    """`format_webvtt` with the times of words."""
    return format_webvtt(timing, sentences, words=True)


def _plain(cue: Cue) -> str:
    return "\n".join("".join(_spaced(line, k) for k in range(len(line))) for line in cue.lines)


def _timed(cue: Cue, sample_rate: int) -> str:
    """The text with times, which must increase and lie within the cue (section 4.2.2); other times are omitted."""
    latest = cue.start_ms
    lines = []
    for line in cue.lines:
        written = ""
        for k, token in enumerate(line):
            at = token_ms(token, sample_rate)
            if latest < at < cue.end_ms:
                written += f"<{_time(at)}>"
                latest = at
            written += _spaced(line, k)
        lines.append(written)
    return "\n".join(lines)


def _spaced(line: list[Token], k: int) -> str:
    """One token of a line with the space before it, escaped so that it contains no arrow or tag."""
    space = " " if k and line[k].is_apart else ""
    return space + escape(line[k].text, quote=False)


def _time(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
