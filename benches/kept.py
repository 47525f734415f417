"""Where the scripts of this folder keep what they measured, and in which form.

Every file is JSON with what was measured, the command, the date and the machine in front.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kalakan.benchmark.machine import facts, load, today
from kalakan.storage import replacing

RESULTS = Path(__file__).parent / "results"


def record(what: str, arguments: Sequence[str] | None = None, **more: Any) -> dict[str, Any]:
    """The head of a result, followed by `more`; made before the measurement, whose load `keep` adds.

    `arguments` are those of the command as a document may show them; by default as they were given.
    """
    command = [
        "python",
        f"benches/{Path(sys.argv[0]).name}",
        *(sys.argv[1:] if arguments is None else arguments),
    ]
    return {"what": what, "command": " ".join(command), "date": today(), "machine": facts(), **more}


def keep(result: Mapping[str, Any], name: str, place: Path | bool | None) -> None:
    """Prints a result, and writes it to `place`: a path, or with True results/NAME-DATE.json."""
    machine = {**result["machine"], "load_1_min_after": load()}
    content = json.dumps({**result, "machine": machine}, indent=1, ensure_ascii=False) + "\n"
    if place is not None and place is not False:
        path = RESULTS / f"{name}-{result['date']}.json" if place is True else place
        with replacing(path) as partial:
            partial.write_text(content, encoding="utf-8")
    sys.stdout.write(content)
