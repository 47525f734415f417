"""python benches/tone_coverage.py FILE...: the share of running words whose tones rest on a source or a rule.

A word is decided if its tones rest on a source or on a rule of `rust/kalakan-text/data/TONES.md`; decided in part if
only its prefix does, and the rest is a guess by the length of the word; a guess if all of it is. Words that cannot be
Twi by their spelling are foreign: rule 28 leaves them unmarked. Writes benches/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections import Counter
from pathlib import Path

from kalakan.text.twi_g2p import TwiG2P, is_foreign

RESULTS = Path(__file__).parent / "results"
PREFIX, SHAPE = "prefix", "shape"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    reader = TwiG2P(tones="predicted")
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for path in arguments.files:
        for line in path.read_text(encoding="utf-8").splitlines():
            for word, _, rule, confidence, *_ in reader.explain_tones(line):
                kind = grade(rule, confidence)
                if kind == "nothing" and is_foreign(word):
                    kind = "foreign"
                counts[kind] += 1
                rules[f"{rule or 'nothing'}: {kind}"] += 1
    words = sum(counts.values())
    percent = {kind: 100.0 * count / words for kind, count in counts.items()}
    found = {
        "what": "share of running words whose predicted tones rest on a source or a rule",
        "command": " ".join(["python", "benches/tone_coverage.py", *(path.name for path in arguments.files)]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "words": words,
        "percent": percent,
        "decided_or_foreign_percent": percent.get("decided", 0.0) + percent.get("foreign", 0.0),
        "decided_in_part_or_foreign_percent": sum(
            percent.get(k, 0.0) for k in ("decided", "in part", "foreign")
        ),
        "decided_or_in_part_percent": percent.get("decided", 0.0) + percent.get("in part", 0.0),
        "decided_percent_without_foreign": 100.0 * counts["decided"] / max(1, words - counts["foreign"]),
        "rules": dict(rules.most_common()),
    }
    path = arguments.output or RESULTS / f"tone-coverage-{found['date']}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(path.read_text(encoding="utf-8"))


def grade(rule: str, confidence: str) -> str:
    """ "decided", "in part", "guess" or "nothing"."""
    if not rule:
        return "nothing"
    if confidence != "guess":
        return "decided"
    names = rule.split("+")
    return "in part" if PREFIX in names and SHAPE in names else "guess"


if __name__ == "__main__":
    main()
