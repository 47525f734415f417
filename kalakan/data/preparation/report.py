"""Readable report of `kalakan prepare`: `report.md`, with the plots of `histograms.png`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kalakan.data.preparation.corpus import has_lost_letters
from kalakan.data.preparation.histograms import draw_histograms
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import FATAL_KINDS, NAMED_KINDS, REPAIRS
from kalakan.data.preparation.recording import Source
from kalakan.storage import replacing

MOST_EXAMPLES = 20
"""Utterances listed per problem that excludes nothing; excluded utterances are listed in full."""
MOST_REPAIRS = 8
"""Examples of each kind of repair."""
MOST_FILES = 50
"""Maximum number of unused files listed."""
LOST_LETTERS = (
    "the transcripts lost ɛ and ɔ: Twi has 9 to 13 % of them among its letters, these texts have next to none; they "
    "cannot be put back by rule, so get the original transcripts"
)
"""Advice for a corpus without ɛ and ɔ."""


def write_report(
    folder: Path, source: Source, items: Sequence[Item], splits: Mapping[str, str], options: PrepareOptions
) -> None:
    """Writes `report.md` and `histograms.png` into `folder`; `splits` has the kept ids."""
    with replacing(folder / "report.md") as partial:
        text = "\n".join(_lines(source, items, splits, options)) + "\n"
        partial.write_text(text, encoding="utf-8", errors="replace")  # a file name may not be UTF-8
    draw_histograms(folder / "histograms.png", items, splits)


def _lines(
    source: Source, items: Sequence[Item], splits: Mapping[str, str], options: PrepareOptions
) -> Iterator[str]:
    kept = [item for item in items if item.id in splits]
    yield "# Report of kalakan prepare\n"
    yield f"Read {source.folder} in the layout `{source.layout}`.\n"
    yield from (f"- {columns}" for columns in source.columns)
    yield from (f"- not read: {table}" for table in source.left_tables)
    if source.columns:
        yield ""
    yield f"{len(items)} recordings: {len(kept)} kept, {len(items) - len(kept)} left out.\n"
    if has_lost_letters(items):
        yield f"**{LOST_LETTERS[0].upper()}{LOST_LETTERS[1:]}.**\n"
    yield from _summary(kept, splits, options)
    yield "![histograms](histograms.png)\n"
    excluding = FATAL_KINDS | {kind: NAMED_KINDS[kind] for kind in options.leave_out}
    named = {kind: meaning for kind, meaning in NAMED_KINDS.items() if kind not in excluding}
    yield from _section("Left out", excluding, items, None)
    if len(kept) < len(items):
        yield "`--keep PROBLEM` keeps utterances in spite of a problem, where anything is left to train on.\n"
    if any(problem.kind in named for item in items for problem in item.problems):
        yield from _section("Named; look at these", named, items, MOST_EXAMPLES)
        yield "`--leave-out PROBLEM` leaves out utterances with a problem that is only named.\n"
    yield from _repairs(items)
    yield from _unused(source)


def _summary(kept: Sequence[Item], splits: Mapping[str, str], options: PrepareOptions) -> Iterator[str]:
    for title, names in (
        ("speaker", [item.speaker for item in kept]),
        ("split", [splits[item.id] for item in kept]),
    ):
        counts = Counter(names)
        seconds: dict[str, float] = defaultdict(float)
        for name, item in zip(names, kept, strict=True):
            seconds[name] += item.samples / options.sample_rate
        yield f"| {title} | utterances | minutes |\n|---|---|---|"
        for name in sorted(counts):
            yield f"| {name} | {counts[name]} | {seconds[name] / 60:.1f} |"
        yield f"| all | {len(kept)} | {sum(seconds.values()) / 60:.1f} |\n"
    letters = sum(item.letters for item in kept)
    if letters:
        share = 100 * sum(item.open_vowels for item in kept) / letters
        yield f"ɛ and ɔ are {share:.1f} % of the letters (Twi: 9 to 13 %).\n"


def _section(title: str, kinds: Mapping[str, str], items: Sequence[Item], most: int | None) -> Iterator[str]:
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
    if not any(item.repairs for item in items):
        return
    yield "## Repaired\n"
    for kind, meaning in REPAIRS.items():
        found = [item for item in items if kind in item.repairs]
        if not found:
            continue
        yield f"### {kind} ({len(found)}): {meaning}{_signs(found) if kind == 'dropped' else ''}\n"
        for item in found[:MOST_REPAIRS]:
            yield f"- `{item.id}`: {item.original} → {item.text}"
        if len(found) > MOST_REPAIRS:
            yield f"- and {len(found) - MOST_REPAIRS} more (in `items/`)"
        yield ""


def _signs(items: Sequence[Item]) -> str:
    """The removed characters, most frequent first, with their counts."""
    gone = Counter[str]()
    for item in items:
        gone += Counter(item.original) - Counter(item.text)
    named = [
        f"{sign} ({count})" if sign.isprintable() else f"U+{ord(sign):04X} ({count})"
        for sign, count in gone.most_common()
        if not sign.isspace()
    ]
    return f": {' '.join(named[:MOST_EXAMPLES])}" if named else ""


def _unused(source: Source) -> Iterator[str]:
    if source.repeated:
        yield f"{source.repeated} lines of the tables repeat what another says.\n"
    for names, what in (
        (source.without_text, "audio files that no transcript goes with"),
        (source.without_audio, "transcripts that no audio file goes with"),
    ):
        if names:
            yield f"## Not used: {len(names)} {what}\n"
            yield from (f"- `{name}`" for name in names[:MOST_FILES])
            if len(names) > MOST_FILES:
                yield f"- and {len(names) - MOST_FILES} more"
            yield ""
