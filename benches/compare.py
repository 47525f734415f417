"""python benches/compare.py OLD NEW [--limit 0.1]: what became slower or faster between two results, beyond noise.

Both are files of `suites.py`, or both files of `kalakan benchmark` (`benchmark.json`). Compared are ratios of CPU time
to the baseline of the same run, which hold on a machine that does other work: of a suite the ways beside their
baselines, of a benchmark the subjects beside the first. A change counts where it exceeds both the limit and the noise,
which is twice what half the distances between the quartiles of the two ratios come to. Exit code 1: something is
slower; 2: the files cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 0.1


class IncomparableError(Exception):
    """Two files that have nothing to compare."""


@dataclass(frozen=True)
class Ratio:
    """A ratio to a baseline: median of its rounds, and the distance between their quartiles."""

    median: float
    spread: float

    @property
    def noise(self) -> float:
        """Half the distance between the quartiles, as a part of the median."""
        return self.spread / 2 / self.median


@dataclass(frozen=True)
class Change:
    """What became of one ratio."""

    name: str
    old: Ratio
    new: Ratio
    limit: float

    @property
    def part(self) -> float:
        """New over old, minus 1: above 0 is slower."""
        return self.new.median / self.old.median - 1

    @property
    def noise(self) -> float:
        """Change that the rounds' own differences may cause."""
        return 2 * math.hypot(self.old.noise, self.new.noise)

    @property
    def verdict(self) -> str:
        """ "slower", "faster" or "same"."""
        # As factors: twice as fast is as much of a change as half as fast.
        size = max(self.new.median / self.old.median, self.old.median / self.new.median) - 1
        if size <= max(self.limit, self.noise):
            return "same"
        return "slower" if self.part > 0 else "faster"


def ratios(record: dict[str, Any]) -> dict[str, Ratio]:
    """Every ratio of a result by its name; raises `IncomparableError` for a file of another kind."""
    if "suites" in record:
        found = {
            f"{suite}: {name}": benchmark["ratio"]
            for suite, benchmarks in record["suites"].items()
            for name, benchmark in benchmarks.items()
        }
    elif "cpu_time_beside_the_first" in record:
        found = {
            f"{subject}: {text}": figures
            for subject, texts in record["cpu_time_beside_the_first"].items()
            for text, figures in texts.items()
        }
    else:
        raise IncomparableError("it is no result of benches/suites.py or of kalakan benchmark")
    return {name: Ratio(figures["median"], figures["spread"]) for name, figures in found.items()}


def compare(old: dict[str, Any], new: dict[str, Any], limit: float = LIMIT) -> list[Change]:
    """The changes of all ratios that both results have; raises `IncomparableError` where there is none."""
    before, after = ratios(old), ratios(new)
    names = [name for name in before if name in after]
    if not names:
        raise IncomparableError("no ratio is in both files; compare two of one kind, with a baseline each")
    return [Change(name, before[name], after[name], limit) for name in names]


def read(path: Path) -> dict[str, Any]:
    """A result; raises `IncomparableError` for a file that is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IncomparableError(f"{path}: cannot be read ({error})") from error
    if not isinstance(record, dict):
        raise IncomparableError(f"{path}: holds no JSON object")
    return record


def table(changes: list[Change]) -> str:
    """The changes, the greatest first."""
    lines = [f"{'old':>8} {'new':>8} {'change':>8} {'noise':>7}"]
    for change in sorted(changes, key=lambda change: -abs(change.part)):
        verdict = "" if change.verdict == "same" else change.verdict.upper()
        lines.append(
            f"{change.old.median:8.3f} {change.new.median:8.3f} {change.part:+8.1%} {change.noise:7.1%}  "
            f"{change.name} {verdict}".rstrip()
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--limit", type=float, default=LIMIT, help="change that counts; default: %(default)s")
    arguments = parser.parse_args()
    if not 0 <= arguments.limit < 10:
        parser.error(f"--limit is {arguments.limit}; it must be from 0 to 10, 0.1 for a tenth")
    try:
        changes = compare(read(arguments.old), read(arguments.new), arguments.limit)
    except IncomparableError as error:
        sys.stderr.write(f"{arguments.old} and {arguments.new}: {error}\n")
        raise SystemExit(2) from error
    verdicts = [change.verdict for change in changes]
    sys.stdout.write(
        f"{table(changes)}\n{len(changes)} ratios: {verdicts.count('slower')} slower, "
        f"{verdicts.count('faster')} faster beyond {arguments.limit:.0%} and noise\n"
    )
    raise SystemExit(1 if "slower" in verdicts else 0)


if __name__ == "__main__":
    main()
