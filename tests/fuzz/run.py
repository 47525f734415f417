"""python tests/fuzz/run.py TARGET [libFuzzer's options] CORPUS: a target of this folder under atheris.

`campaign.py` runs it. Needs `pip install atheris`. TARGET is ssml or manifest; its seeds, and new inputs, go into the
folder CORPUS.
"""

from __future__ import annotations

import hashlib
import importlib
import shlex
import sys
from pathlib import Path

import atheris

TARGETS = ("ssml", "manifest")


def main() -> None:
    folders = [argument for argument in sys.argv[2:] if not argument.startswith("-")]
    if len(sys.argv) < 3 or sys.argv[1] not in TARGETS or not folders:
        raise SystemExit(
            f"usage: python {sys.argv[0]} {{{','.join(TARGETS)}}} [-max_total_time=60 ...] CORPUS"
        )
    name, corpus = sys.argv[1], Path(folders[-1])
    sys.path.insert(0, str(Path(__file__).parent))
    # What these need compiled is not instrumented; what they read text with is.
    with atheris.instrument_imports(include=["kalakan.synthesis.markup", "kalakan.voices", "kalakan.config"]):
        target = importlib.import_module(name)
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.SEEDS:
        (corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    # To merge corpora libFuzzer starts itself again, as a program of one word.
    again = Path(__file__).parents[2] / "target" / "fuzz" / f"{name}.sh"
    again.parent.mkdir(parents=True, exist_ok=True)
    again.write_text(
        f'#!/bin/sh\nexec {shlex.join([sys.executable, __file__, name])} "$@"\n', encoding="utf-8"
    )
    again.chmod(0o755)
    atheris.Setup([str(again), *sys.argv[2:]], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
