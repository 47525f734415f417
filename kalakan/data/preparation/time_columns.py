"""Columns of a table that say where in its file an utterance lies: start and end, or start and length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STARTS = (
    *("start", "start_time", "starttime", "time_start", "t_start", "segment_start", "start_offset"),
    *("begin", "begin_time", "onset", "xmin", "tmin"),
)
ENDS = (
    *("end", "end_time", "endtime", "time_end", "t_end", "segment_end", "end_offset"),
    *("stop", "stop_time", "xmax", "tmax"),
)
LENGTHS = ("duration", "dur", "length")
_UNIT = re.compile(r"(?P<base>.*?)[\s_(\[]+(?P<unit>m?s|m?secs?|(milli)?seconds?)[)\]]?")
_UNKNOWN_UNIT = re.compile(
    r"(start|begin|end|stop|onset)[_ ](frame|sample|tick|byte)s?|(frame|sample)[_ ](start|end)"
)

Place = tuple[int, float]
"""Index of a column, and the seconds of its unit."""


@dataclass(frozen=True)
class TimeColumns:
    """The columns of times in a header."""

    starts: tuple[Place, ...] = ()
    """Where an utterance starts; the first one that a line fills counts."""
    ends: tuple[Place, ...] = ()
    """Where it ends."""
    lengths: tuple[Place, ...] = ()
    """How long it is; only of a table that says where utterances start and not where they end."""

    def stretch(self, fields: Sequence[str]) -> tuple[float, float] | None:
        """Start and end in seconds, `inf` for the file's end; None if the line gives none.

        Raises `ValueError` for what is no stretch.
        """
        start, end, length = (_seconds(fields, places) for places in (self.starts, self.ends, self.lengths))
        if start is None and end is None:
            return None
        first = start or 0.0
        last = end if end is not None else math.inf if length is None else first + length
        if not (0 <= first < last and math.isfinite(first)):
            raise ValueError
        return first, last

    def given(self, fields: Sequence[str]) -> str:
        """The filled columns of a line, for an error message: "start '3' and end '2'"."""
        found = [(what, _first(fields, places)) for what, places in self.named()]
        return " and ".join(f"{what} {value[0]!r}" for what, value in found if value is not None)

    def named(self) -> Iterator[tuple[str, tuple[Place, ...]]]:
        """What the columns say, and which they are."""
        yield from (("start", self.starts), ("end", self.ends), ("length", self.lengths))


def time_columns(columns: Sequence[str]) -> TimeColumns:
    """The columns of times in a header in lower case, in seconds, or in milliseconds if the name says so.

    `offset` is the end of what has an `onset` (Praat, annotation tools), and the start of what has a `duration` (NeMo).
    """
    parts = [_parts(name) for name in columns]
    bases = {base for base, _ in parts}
    starts, ends = set(STARTS), set(ENDS)
    if {"from", "to"} <= bases:
        starts.add("from")
        ends.add("to")
    if "offset" in bases and "onset" in bases:
        ends.add("offset")
    elif "offset" in bases and bases & set(LENGTHS) and not bases & starts:
        starts.add("offset")

    def places(names: set[str]) -> tuple[Place, ...]:
        return tuple((index, unit) for index, (base, unit) in enumerate(parts) if base in names)

    found = TimeColumns(places(starts), places(ends))
    return TimeColumns(
        found.starts, found.ends, places(set(LENGTHS)) if found.starts and not found.ends else ()
    )


def unknown_times(columns: Sequence[str]) -> list[str]:
    """Columns of times in a unit that has no seconds without more knowledge, such as frames."""
    return [name for name in columns if _UNKNOWN_UNIT.fullmatch(name)]


def _parts(name: str) -> tuple[str, float]:
    """A column's name without its unit, and the seconds of that unit."""
    match = _UNIT.fullmatch(name)
    if match is None:
        return name, 1.0
    return match["base"], 1e-3 if match["unit"].startswith("m") else 1.0


def _first(fields: Sequence[str], places: Sequence[Place]) -> tuple[str, float] | None:
    filled = ((fields[index].strip(), unit) for index, unit in places)
    return next(((text, unit) for text, unit in filled if text), None)


def _seconds(fields: Sequence[str], places: Sequence[Place]) -> float | None:
    found = _first(fields, places)
    return None if found is None else float(found[0]) * found[1]
