"""Praat TextGrids: tiers of labelled intervals, each without a gap from 0 to the end of the audio."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kalakan.errors import AudioError

_WORD = re.compile(r'"(?:[^"]|"")*"|(?<![\w.])-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?!\w)')
"""The data of a TextGrid: strings and numbers; everything else is for human readers."""
Interval = tuple[int, int, str]
"""First sample, sample after the last, label."""


def format_tiers(tiers: Mapping[str, Iterable[Interval]], samples: int, sample_rate: int) -> str:
    """Tiers by name as a TextGrid in Praat's long text form, to be written in UTF-8.

    The audio has `samples` samples at `sample_rate` Hz. Praat has no zero-length intervals: the
    label of such an interval is added to the previous one.
    """
    end = _seconds(samples, sample_rate)
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {end}\n'
    items = [
        _tier(number, name, tiled(intervals, samples), samples, sample_rate)
        for number, (name, intervals) in enumerate(tiers.items(), start=1)
    ]
    return f"{head}tiers? <exists>\nsize = {len(items)}\nitem []:\n{''.join(items)}"


def parse_tiers(text: str) -> dict[str, list[tuple[float, float, str]]]:
    """The interval tiers of a TextGrid in Praat's long or short text form: start and end in seconds, and label.

    Raises `AudioError` for anything else.
    """
    words = _WORD.findall(re.sub(r"\[\d*\]", " ", text))
    values = iter([word[1:-1].replace('""', '"') if word[0] == '"' else float(word) for word in words])
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    try:
        if (next(values), next(values)) != ("ooTextFile", "TextGrid"):
            raise ValueError
        _, _, count = (float(next(values)) for _ in range(3))
        for _ in range(int(count)):
            kind, name = str(next(values)), str(next(values))
            _, _, size = (float(next(values)) for _ in range(3))
            if kind == "IntervalTier":
                tiers[name] = [
                    (float(next(values)), float(next(values)), str(next(values))) for _ in range(int(size))
                ]
            else:  # points: time and label
                for _ in range(2 * int(size)):
                    next(values)
    except (StopIteration, ValueError, RuntimeError) as error:
        raise AudioError("is no TextGrid in one of Praat's text forms; save it as a text file") from error
    return tiers


def tiled(intervals: Iterable[Interval], end: int) -> list[Interval]:
    """Intervals of positive length without gaps from 0 to `end`; gaps become empty intervals."""
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


def _tier(number: int, name: str, tiles: list[Interval], samples: int, rate: int) -> str:
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {_seconds(samples, rate)}",
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
