"""Cues: the text on the screen at one time. One per sentence; long sentences are split at pauses, otherwise at words.

The limits are those of common subtitling guides: two lines of 42 characters, seven seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kalakan.synthesis.subtitles.tokens import Token, words
from kalakan.synthesis.timing import Timing

LINE_CHARACTERS = 42
MARKS = frozenset(".,;:!?…–—")
"""Marks after which a sentence is preferably split."""
LONGEST_MS = 7000
SHORTEST_MS = 1000
"""Minimum duration of a cue, unless the next one begins sooner."""
_PAUSE = 0.3
_MARK = 0.2
"""How far from the middle, as a fraction of its length, a long sentence may be split at a pause or mark."""


@dataclass
class Cue:
    """Text on the screen."""

    start_ms: int
    """Start time in milliseconds."""
    end_ms: int
    """End time in milliseconds; after `start_ms`, and not after the start of the next cue."""
    lines: list[list[Token]]
    """One or two lines of tokens with visible text."""


def cues_of(timing: Timing, sentences: list[list[Token]]) -> list[Cue]:
    """The cues of a timing, in order; none overlaps another."""
    cues: list[Cue] = []
    waiting: list[Token] = []  # too short for a cue of its own
    for tokens in sentences:
        for part in _parted(words(tokens), timing.sample_rate):
            waiting += part
            start, end = _span(waiting, timing.sample_rate)
            if end > start:
                cues.append(Cue(start, end, _lines(waiting)))
                waiting = []
    if waiting:
        _append(cues, waiting, timing)
    _linger(cues, _ms(timing.samples, timing.sample_rate))
    return cues


def text_of(line: list[Token]) -> str:
    """The text of a line."""
    return "".join(" " + token.text if token.is_apart and k else token.text for k, token in enumerate(line))


def token_ms(token: Token, sample_rate: int) -> int:
    """Start time of a token in milliseconds."""
    return _ms(token.start, sample_rate)


def _append(cues: list[Cue], waiting: list[Token], timing: Timing) -> None:
    """Adds trailing tokens to the last cue, or shows them for a millisecond."""
    if cues:
        tokens = [token for line in cues[-1].lines for token in line]
        cues[-1].lines = _lines([*tokens, *waiting])
        return
    start, _ = _span(waiting, timing.sample_rate)
    cues.append(Cue(start, start + 1, _lines(waiting)))


def _linger(cues: list[Cue], end_ms: int) -> None:
    """Extends short cues up to the next one."""
    for k, cue in enumerate(cues):
        limit = cues[k + 1].start_ms if k + 1 < len(cues) else end_ms
        cue.end_ms = max(cue.end_ms, min(cue.start_ms + SHORTEST_MS, limit))


def _parted(tokens: list[Token], sample_rate: int) -> Iterator[list[Token]]:
    """Parts of a sentence that each fit on the screen, in order."""
    rest = [tokens] if tokens else []
    while rest:
        part = rest.pop()
        cut = 0 if _fits(part, sample_rate) else _best_cut(part, sample_rate)
        if cut:
            rest += [part[cut:], part[:cut]]
        else:
            yield part


def _fits(tokens: list[Token], sample_rate: int) -> bool:
    start, end = _span(tokens, sample_rate)
    return end - start <= LONGEST_MS and all(len(text_of(line)) <= LINE_CHARACTERS for line in _lines(tokens))


def _best_cut(tokens: list[Token], sample_rate: int) -> int:
    """The token to split before: near the middle, preferably after a pause or a mark; 0 for none."""
    total = len(text_of(tokens))
    first, last = _span(tokens, sample_rate)
    best, least = 0, 2.0
    length = 0
    for k, token in enumerate(tokens):
        begins = token_ms(token, sample_rate)
        if k and token.is_apart and first < begins < last:
            before = tokens[k - 1]
            bonus = _PAUSE if token.start > before.end else _MARK if before.text[-1] in MARKS else 0.0
            cost = abs(2 * length / total - 1) - 2 * bonus
            if cost < least:
                best, least = k, cost
        length += len(token.text) + token.is_apart
    return best


def _lines(tokens: list[Token]) -> list[list[Token]]:
    """Tokens on one line, or on two of which the longer is as short as possible."""
    total = len(text_of(tokens))
    if total <= LINE_CHARACTERS:
        return [tokens]
    best, least = 0, total
    length = 0
    for k, token in enumerate(tokens):
        if k and token.is_apart:
            longer = max(length, total - length - 1)
            if longer < least:
                best, least = k, longer
        length += len(token.text) + (token.is_apart and k > 0)
    return [tokens[:best], tokens[best:]] if best else [tokens]


def _span(tokens: list[Token], sample_rate: int) -> tuple[int, int]:
    return _ms(tokens[0].start, sample_rate), _ms(tokens[-1].end, sample_rate)


def _ms(sample: int, sample_rate: int) -> int:
    """Milliseconds at a sample, rounded down, so that the order of samples is kept."""
    return sample * 1000 // sample_rate
