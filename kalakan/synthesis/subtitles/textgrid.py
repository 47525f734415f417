"""Praat TextGrid: tiers of sentences, words and phones, each without a gap from 0 to the end of the audio."""

from __future__ import annotations

from collections.abc import Iterable

from kalakan.synthesis.subtitles.tokens import Token, joined, words
from kalakan.synthesis.timing import Timing

Interval = tuple[int, int, str]
"""First sample, sample after the last, label."""


def format_textgrid(timing: Timing, sentences: list[list[Token]]) -> str:
    """A timing as a TextGrid in Praat's long text form, in UTF-8; pauses have empty labels.

    Praat has no intervals without length: what makes no sound stands with what is before it.
    """
    shown = [token for tokens in sentences for token in words(tokens)]
    tiers = {
        "sentences": [(tokens[0].start, tokens[-1].end, joined(tokens)) for tokens in sentences if tokens],
        "words": [(token.start, token.end, token.text) for token in shown if token.segment.kind == "word"],
        "phones": [(phone.start, phone.end, phone.symbol) for word in timing.words for phone in word.phones],
    }
    end = _seconds(timing.samples, timing.sample_rate)
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {end}\n'
    items = [_tier(number, name, tiers[name], timing) for number, name in enumerate(tiers, start=1)]
    return f"{head}tiers? <exists>\nsize = {len(items)}\nitem []:\n{''.join(items)}"


def tiled(intervals: Iterable[Interval], end: int) -> list[Interval]:
    """Intervals of positive length that follow each other without a gap from 0 to `end`, empty where nothing is."""
    tiles: list[Interval] = []
    waiting: list[str] = []  # labels before the first interval
    at = 0
    for start, stop, label in intervals:
        if stop <= start:
            if tiles:
                before = tiles[-1]
                tiles[-1] = (*before[:2], f"{before[2]} {label}".strip())
            else:
                waiting.append(label)
            continue
        if start > at:
            tiles.append((at, start, ""))
        tiles.append((start, stop, " ".join([*waiting, label])))
        waiting, at = [], stop
    if at < end:
        tiles.append((at, end, " ".join(waiting)))
    return tiles


def _tier(number: int, name: str, intervals: list[Interval], timing: Timing) -> str:
    tiles = tiled(intervals, timing.samples)
    rate = timing.sample_rate
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {_seconds(timing.samples, rate)}",
        f"        intervals: size = {len(tiles)}",
    ]
    for k, (start, end, label) in enumerate(tiles, start=1):
        lines += [
            f"        intervals [{k}]:",
            f"            xmin = {_seconds(start, rate)}",
            f"            xmax = {_seconds(end, rate)}",
            f'            text = "{_quoted(label)}"',
        ]
    return "\n".join(lines) + "\n"


def _quoted(label: str) -> str:
    return label.replace('"', '""')


def _seconds(sample: int, sample_rate: int) -> str:
    return f"{sample / sample_rate:.9f}"
