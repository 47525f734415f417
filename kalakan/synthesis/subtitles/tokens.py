"""A timing as tokens: stretches of visible text with their times, the smallest things that subtitles show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kalakan.synthesis.subtitles.visible import Visible, clean
from kalakan.synthesis.timing import Segment, Timing


@dataclass(frozen=True)
class Token:
    """A segment and its visible text."""

    segment: Segment
    """The word or pause."""
    text: str
    """The visible text, on one line; empty for a pause, and for a word whose text an earlier token shows."""
    is_apart: bool
    """Whether white space precedes it."""

    @property
    def start(self) -> int:
        """First sample."""
        return self.segment.start

    @property
    def end(self) -> int:
        """Sample after the last."""
        return self.segment.end


def tokens_of(timing: Timing, raw: str) -> list[list[Token]]:
    """The tokens of each sentence; every visible character of the segments is shown once, in order."""
    visible = Visible(raw)
    seen = 0  # characters up to here have been shown
    sentences = []
    for sentence in timing.sentences:
        tokens: list[Token] = []
        for segment in sentence.segments:
            start = max(seen, segment.source[0])
            shown = visible.between(start, segment.source[1])
            space = visible.between(seen, start)
            is_apart = not tokens or shown[:1].isspace() or any(map(str.isspace, space))
            if shown.strip():
                seen = segment.source[1]
            tokens.append(Token(segment, clean(shown), is_apart))
        sentences.append(tokens)
    return sentences


def joined(tokens: list[Token]) -> str:
    """The text of tokens, with the spaces between them."""
    pieces: list[str] = []
    is_apart = False
    for token in tokens:
        is_apart = is_apart or token.is_apart
        if token.text:
            pieces.append(" " + token.text if is_apart and pieces else token.text)
            is_apart = False
    return "".join(pieces)


def words(tokens: list[Token]) -> list[Token]:
    """The tokens with visible text, each with the `is_apart` of that text.

    A word whose text an earlier token shows extends the time of that token, as the rest of the same word.
    """
    found: list[Token] = []
    is_apart = False
    for token in tokens:
        is_apart = is_apart or token.is_apart
        if token.text:
            found.append(replace(token, is_apart=is_apart))
            is_apart = False
        elif token.segment.kind == "word" and found:
            last = found[-1]
            found[-1] = replace(last, segment=replace(last.segment, end=token.end))
    return found
