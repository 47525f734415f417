"""What each list of the text core costs in a wheel: its bytes, and those bytes deflated, as a wheel stores them.

python benches/list_sizes.py

Writes benches/results/list-sizes-DATE.json.
"""

from __future__ import annotations

import datetime
import json
import platform
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "rust/kalakan-text/data"


def main() -> None:
    """Measures, prints and writes the record."""
    contents = {path.name: path.read_bytes() for path in sorted(DATA.iterdir()) if path.suffix != ".md"}
    lists = {
        name: {"bytes": len(content), "deflated": len(zlib.compress(content, 9))}
        for name, content in contents.items()
    }
    record = {
        "date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "command": "python benches/list_sizes.py",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "lists": lists,
        "deflated": sum(row["deflated"] for row in lists.values()),
    }
    text = json.dumps(record, indent=1) + "\n"
    (HERE / "results" / f"list-sizes-{record['date']}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
