"""Times one text front-end in this process: python benches/text_timing.py PACKAGE SENTENCES ROUNDS

Run by `benches/text.py` in two environments; standard library only. Prints CPU seconds a sentence, one JSON line:
other load on the machine disturbs CPU time least.
PACKAGE is `kalakan`, `reference` or `kalakan-tts`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

Read = Callable[[str], object]


def build_kalakan() -> Read:
    """A fresh reader, hence an empty cache."""
    from kalakan.text.twi_g2p import TwiG2P

    return TwiG2P().text_to_phoneme_sequence


def build_reference() -> Read:
    """The slow twin after the same normalizer."""
    from kalakan.text.normalizer import normalize_text

    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root / "tests"))
    reference = importlib.import_module("reference.g2p")
    g2p = reference.ReferenceG2P(reference.read_lexicon(root / "rust/kalakan-text/data/lexicon.tsv"))
    return lambda text: g2p.text(normalize_text(text))


def build_kalakan_tts() -> Read:
    """The text modules of kalakan-tts. Its package imports packages that it does not need here and does not
    declare, so an empty one stands in its place."""
    if "kalakan" not in sys.modules:
        package = types.ModuleType("kalakan")
        spec = importlib.util.find_spec("kalakan")
        package.__path__ = list(spec.submodule_search_locations or []) if spec else []
        sys.modules["kalakan"] = package
    normalize = importlib.import_module("kalakan.text.normalizer").normalize_text
    g2p = importlib.import_module("kalakan.text.twi_g2p").TwiG2P()
    return lambda text: g2p.text_to_phoneme_sequence(normalize(text))


BUILDERS = {"kalakan": build_kalakan, "reference": build_reference, "kalakan-tts": build_kalakan_tts}


def seconds(read: Read, sentences: list[str]) -> float:
    """CPU seconds a sentence of one pass over all of them."""
    start = time.process_time()
    for sentence in sentences:
        read(sentence)
    return (time.process_time() - start) / len(sentences)


def main() -> None:
    """Prints {"cold": [...], "warm": [...]}: the first pass of a fresh reader and the second, in each round."""
    package, path, rounds = sys.argv[1:]
    sentences = Path(path).read_text(encoding="utf-8").splitlines()
    seconds(BUILDERS[package](), sentences)  # tables and regular expressions are built on first use
    found: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(int(rounds)):
        read = BUILDERS[package]()
        found["cold"].append(seconds(read, sentences))
        found["warm"].append(seconds(read, sentences))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
