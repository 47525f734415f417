"""Summarizes the answers of a listening test with confidence intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.config.rules import shown
from kalakan.errors import DataError
from kalakan.evaluation.listening.items import FLAT, KINDS, PREDICTED
from kalakan.evaluation.listening.page import FORMAT, KEY

DRAWS = 4000
"""Number of bootstrap resamples per interval."""
Z = 1.959964
"""95 % quantile of the normal distribution (two-sided)."""
MOST_FILE_BYTES = 10_000_000
Rating = tuple[str, str, Any]
"""Listener, item and choice."""


def evaluate_ratings(folder: str | Path) -> dict[str, Any]:
    """The results of all answers (`*.json`) next to the key in the folder of a listening test.

    A listener who saved twice counts once, with the answers that were saved last. Raises `DataError`, naming file and
    value, for a missing key, answers to another test, and invalid choices.
    """
    folder = Path(folder)
    if not (folder / KEY).is_file():
        raise DataError(
            f"{folder / KEY}: is not there; give the folder that `kalakan listening-test --out` wrote"
        )
    key = _record(folder / KEY)
    items: dict[str, Any] = key["items"]
    paths = sorted(path for path in folder.glob("*.json") if path.name != KEY)
    if not paths:
        raise DataError(f"{folder}: holds no answers; put the listeners' files there, named *.json")
    latest: dict[str, tuple[str, dict[str, Any]]] = {}
    languages: dict[str, str] = {}
    for path in paths:
        record = _answers(path, key["test"], items)
        listener, saved = record["id"], str(record.get("saved", ""))
        if listener not in latest or saved > latest[listener][0]:
            latest[listener] = saved, record["answers"]
            languages[listener] = str((record.get("listener") or {}).get("language", "not said"))
    ratings = [
        (listener, item, given["choice"])
        for listener, (_, answers) in latest.items()
        for item, given in answers.items()
    ]
    return {
        "format": FORMAT,
        "test": key["test"],
        "listeners": len(latest),
        "languages": {name: list(languages.values()).count(name) for name in sorted(set(languages.values()))},
        "answers": len(ratings),
        "results": [row for kind in KINDS for row in _rows(kind, items, ratings)],
    }


def format_ratings(report: Mapping[str, Any]) -> str:
    """The table of a report; ends with a line break."""
    languages = ", ".join(f"{count} {name}" for name, count in report["languages"].items())
    people = "listener" if report["listeners"] == 1 else "listeners"
    lines = [f"{report['listeners']} {people} ({languages}), {report['answers']} answers", ""]
    width = max((len(row["what"]) for row in report["results"]), default=0)
    for row in report["results"]:
        low, high = row["interval_95"]
        digits = 2 if row["unit"] == "points" else 1
        value = "–" if math.isnan(row["value"]) else f"{row['value']:.{digits}f}"
        span = "" if math.isnan(low) else f"  95 % {low:.{digits}f} to {high:.{digits}f}"
        chance = f", chance {row['chance']:.0f}" if "chance" in row else ""
        more = f", {row['no_difference']} heard no difference" if row.get("no_difference") else ""
        lines.append(
            f"{row['what']:<{width}}  {value:>5} {row['unit']}{span}  ({row['answers']} answers{chance}{more})"
        )
    return "\n".join(lines) + "\n"


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share of answers (Wilson 1927); NaN without answers."""
    if not count:
        return math.nan, math.nan
    share, z2 = hits / count, Z * Z
    middle = share + z2 / (2 * count)
    half = Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return (middle - half) / (1 + z2 / count), (middle + half) / (1 + z2 / count)


def mean_interval(ratings: Sequence[Rating]) -> tuple[float, float]:
    """95 % interval of a mean score by resampling listeners and items, because answers of one listener are correlated,
    and so are answers to one item. NaN with fewer than two of either."""
    listeners, rows = np.unique([listener for listener, _, _ in ratings], return_inverse=True)
    items, columns = np.unique([item for _, item, _ in ratings], return_inverse=True)
    if len(listeners) < 2 or len(items) < 2:
        return math.nan, math.nan
    scores = np.full((len(listeners), len(items)), np.nan)
    scores[rows, columns] = [float(choice) for _, _, choice in ratings]
    draw = np.random.default_rng(0)
    means = []
    for _ in range(DRAWS):
        some = scores[draw.integers(len(listeners), size=len(listeners))]
        some = some[:, draw.integers(len(items), size=len(items))]
        if not np.isnan(some).all():
            means.append(float(np.nanmean(some)))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _rows(kind: str, items: Mapping[str, Any], ratings: Iterable[Rating]) -> Iterator[dict[str, Any]]:
    """A row for each voice and speaker."""
    groups: dict[tuple[str, str], list[Rating]] = {}
    for rating in ratings:
        item = items[rating[1]]
        if item["kind"] == kind:
            for speaker in dict.fromkeys(("", item["speaker"])):
                groups.setdefault((item["voice"], speaker), []).append(rating)
    for (voice, speaker), found in sorted(groups.items()):
        what = f"{voice}{f', {speaker}' if speaker else ''}: "
        yield {"kind": kind, "voice": voice, "speaker": speaker or None, **_row(kind, what, items, found)}


def _row(kind: str, what: str, items: Mapping[str, Any], found: Sequence[Rating]) -> dict[str, Any]:
    count = len(found)
    if kind == "mos":
        mean = float(np.mean([float(choice) for _, _, choice in found]))
        interval = mean_interval(found)
        return {
            "what": f"{what}MOS",
            "value": mean,
            "unit": "points",
            "interval_95": interval,
            "answers": count,
        }
    if kind == "tones":
        preferred = sum(choice == PREDICTED for _, _, choice in found)
        decided = preferred + sum(choice == FLAT for _, _, choice in found)
        row = _share(f"{what}predicted tones preferred", preferred, decided, 50.0)
        return {**row, "answers": count, "no_difference": count - decided}
    hits = sum(choice == items[item]["answer"] for _, item, choice in found)
    choices = len(items[found[0][1]]["choices"]) - (kind == "vowels")  # "same" is no answer by chance
    label = "words told apart by tone" if kind == "words" else "vowels said correctly"
    return _share(f"{what}{label}", hits, count, 100 / choices)


def _share(what: str, hits: int, count: int, chance: float) -> dict[str, Any]:
    low, high = wilson(hits, count)
    value = 100 * hits / count if count else math.nan
    return {
        "what": what,
        "value": value,
        "unit": "%",
        "interval_95": (100 * low, 100 * high),
        "answers": count,
        "chance": chance,
    }


def _answers(path: Path, test: str, items: Mapping[str, Any]) -> dict[str, Any]:
    record = _record(path)
    if record["test"] != test:
        raise DataError(
            f"{path}: answers another test ({record['test']}) than the key ({test}); move it away"
        )
    answers, listener = record.get("answers"), record.get("id")
    if not isinstance(answers, dict) or not isinstance(listener, str):
        raise DataError(f"{path}: is damaged, it has no answers or no id; ask the listener for it again")
    for item, given in answers.items():
        if item not in items:
            raise DataError(f"{path}: answers {item!r}, which is no item of this test; move it away")
        if not isinstance(given, dict) or "choice" not in given:
            raise DataError(
                f'{path}: the answer to {item} is {shown(given)}; it must be an object, as {{"choice": 4}}'
            )
        chosen = given["choice"]
        choices = items[item]["choices"]
        if isinstance(chosen, bool) or chosen not in choices:
            named = ", ".join(map(str, choices))
            raise DataError(f"{path}: the choice for {item} is {shown(chosen)}; it must be one of {named}")
    return record


def _record(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise DataError(f"{path}: has more than {MOST_FILE_BYTES} bytes; answers are smaller")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no JSON file that can be read ({error}); move it away") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT or "test" not in found:
        raise DataError(f"{path}: is not of the format {FORMAT}; move it away")
    return found
