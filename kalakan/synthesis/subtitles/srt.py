"""SubRip: numbered cues. The format has no escapes and no standard; players read tags like <i> and {\\an8}, and some
lose all between any < and the next >."""

from __future__ import annotations

import re

from kalakan.synthesis.subtitles.cues import cues_of, text_of
from kalakan.synthesis.subtitles.tokens import Token
from kalakan.synthesis.timing import Timing

JOINER = "\u2060"
"""Word joiner, which is invisible: it breaks up what would be parsed as an arrow, a tag or the times of a cue."""
_READ = re.compile(r"(?<=-)(?=->)|(?<=[<{\\])")
_TIME = re.compile(r"(:\d+:\d+)([,.]\d)")


def format_srt(timing: Timing, sentences: list[list[Token]]) -> str:
    """The cues of a timing as an SRT file."""
    blocks = []
    for number, cue in enumerate(cues_of(timing, sentences), start=1):
        lines = "\n".join(_inert(text_of(line)) for line in cue.lines)
        blocks.append(f"{number}\n{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{lines}\n")
    return "\n".join(blocks)


def _inert(line: str) -> str:
    return _TIME.sub(rf"\1{JOINER}\2", _READ.sub(JOINER, line))


def _time(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{thousandths:03}"
