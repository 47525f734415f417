"""What `kalakan prepare` found, for people: `report.md` and `histograms.png`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from kalakan.data.preparation.corpus import has_lost_letters
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import FATAL_KINDS, NAMED_KINDS, REPAIRS
from kalakan.storage import replacing

MOST_EXAMPLES = 20
"""Utterances named under one problem that leaves nothing out; what is left out is named in full."""


def write_report(
    folder: Path, items: Sequence[Item], splits: dict[str, str], options: PrepareOptions
) -> None:
    """Writes `report.md` and `histograms.png` into `folder`; `splits` has the ids that are kept."""
    with replacing(folder / "report.md") as partial:
        partial.write_text("\n".join(_lines(items, splits, options)) + "\n", encoding="utf-8")
    _draw(folder / "histograms.png", [item for item in items if item.id in splits])


def _lines(items: Sequence[Item], splits: dict[str, str], options: PrepareOptions) -> Iterator[str]:
    kept = [item for item in items if item.id in splits]
    yield "# Report of kalakan prepare\n"
    yield f"{len(items)} recordings: {len(kept)} kept, {len(items) - len(kept)} left out.\n"
    if has_lost_letters(items):
        yield (
            "**The transcripts lost ɛ and ɔ.** Twi has 9 to 13 % of them among its letters; these texts have next to "
            "none. They cannot be put back by rule: get the original transcripts.\n"
        )
    yield from _summary(kept, splits, options)
    yield from _section("Left out", FATAL_KINDS, items, None)
    yield from _section("Named; look at these", NAMED_KINDS, items, MOST_EXAMPLES)
    yield from _repairs(items)
    yield "![histograms](histograms.png)"


def _summary(kept: Sequence[Item], splits: dict[str, str], options: PrepareOptions) -> Iterator[str]:
    hours: dict[str, float] = defaultdict(float)
    for item in kept:
        seconds = item.samples / options.sample_rate
        hours[f"split {splits[item.id]}"] += seconds / 3600
        hours[f"speaker {item.speaker}"] += seconds / 3600
    counts = Counter(
        [f"split {splits[item.id]}" for item in kept] + [f"speaker {item.speaker}" for item in kept]
    )
    yield "| part | utterances | minutes |\n|---|---|---|"
    for name in sorted(hours):
        yield f"| {name} | {counts[name]} | {60 * hours[name]:.1f} |"
    letters = sum(item.letters for item in kept)
    if letters:
        share = 100 * sum(item.open_vowels for item in kept) / letters
        yield f"\nɛ and ɔ are {share:.1f} % of the letters (Twi: 9 to 13 %).\n"


def _section(title: str, kinds: dict[str, str], items: Sequence[Item], most: int | None) -> Iterator[str]:
    found: dict[str, list[str]] = defaultdict(list)
    for item in items:
        for problem in item.problems:
            if problem.kind in kinds:
                found[problem.kind].append(f"- `{item.id}`: {problem.detail}")
    if not found:
        return
    yield f"## {title}\n"
    for kind in kinds:
        if kind in found:
            lines = found[kind]
            yield f"### {kind} ({len(lines)}): {kinds[kind]}\n"
            yield from lines[:most]
            if most is not None and len(lines) > most:
                yield f"- and {len(lines) - most} more (in `items/`)"
            yield ""


def _repairs(items: Sequence[Item]) -> Iterator[str]:
    counts = Counter(kind for item in items for kind in item.repairs)
    if not counts:
        return
    yield "## Repaired\n"
    for kind, meaning in REPAIRS.items():
        if counts[kind]:
            examples = [item.id for item in items if kind in item.repairs][:5]
            yield f"- {kind} ({counts[kind]}): {meaning}; such as {', '.join(f'`{name}`' for name in examples)}"
    yield ""


def _draw(path: Path, kept: Sequence[Item]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = {
        "seconds of each utterance": [item.source_seconds - sum(item.trimmed) for item in kept],
        "sounds a second": [item.rate for item in kept],
        "loudness before (LUFS)": [item.loudness for item in kept],
        "ɛ and ɔ among the letters (%)": [100 * item.open_vowels / max(item.letters, 1) for item in kept],
    }
    for axes, (name, values) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        axes.hist(values, bins=40)
        axes.set_xlabel(name)
        axes.set_ylabel("utterances")
    with replacing(path) as partial:
        figure.savefig(partial, dpi=100, format="png")
