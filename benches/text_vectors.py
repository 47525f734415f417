"""python benches/text_vectors.py: the readings of every table of expected readings, counted by confidence.

The tables are those of tests/golden; `real_text.tsv` is ../shared/vectors/text_2.tsv. Rows that ask a native speaker
are counted, not gated. Writes benches/results/.
"""

from __future__ import annotations

import csv
import datetime
import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/golden"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]


def main() -> None:
    """Counts, prints and writes the record."""
    from kalakan.text.normalizer import normalize_text
    from kalakan.text.twi_g2p import TwiG2P
    from tests.text.test_real_vectors import CONTRADICTED, READ

    words = {tone: TwiG2P(normalize=False, english=False, tone=tone) for tone in ("full", "economic")}
    found: dict[str, dict[str, Counter[str]]] = {}
    failed: list[str] = []
    for path in sorted(GOLDEN.glob("*.tsv")):
        if path.name not in ("norm.tsv", "norm_more.tsv", "g2p.tsv", "g2p_more.tsv", "real_text.tsv"):
            continue
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        names = rows[0]
        for row in rows[1:]:
            record = dict(zip(names, row, strict=False))
            name, text, wanted = row[:3]
            if path.name == "real_text.tsv":
                heard = READ[record["as"]](text)
                ours, theirs = CONTRADICTED.get(name, ("", ""))
                heard = heard.replace(ours, theirs) if ours else heard
            elif path.name.startswith("norm"):
                heard = normalize_text(text)
            else:
                reader = words["economic" if name.startswith("E") else "full"]
                heard, wanted = " ".join(reader.word_to_phonemes(text)), " ".join(wanted.split())
            counts = found.setdefault(path.name, {}).setdefault(record.get("confidence", ""), Counter())
            counts["rows"] += 1
            counts["as expected"] += heard == wanted
            if heard != wanted:
                failed.append(f"{path.name} {name} ({record.get('confidence', '')})")
    report = {
        "what": "rows of the tables of expected readings that are read as expected, by confidence",
        "command": "python benches/text_vectors.py",
        "date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "tables": found,
        "not as expected": failed,
    }
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (ROOT / f"benches/results/text-vectors-{report['date']}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
