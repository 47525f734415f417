"""How far the front-end agrees with the labels of a corpus, and in which ways it does not.

python benches/corpus_agreement.py CORPUS_DIR [--show CLASS] [--letter-rules]

CORPUS_DIR/meta.jsonl has one object a line with `text` and `units`. A disagreement gets the first class that fits.
The labels are no truth: where they contradict the specification, the specification counts. With kalakan[english]
English words have English readings, while the labels spell them by letter rules: that is a class of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from kalakan.text.phonemes import PAUSE_IDS, SYMBOLS
from kalakan.text.twi_g2p import TwiG2P, is_foreign

PAUSES = {SYMBOLS[row] for row in PAUSE_IDS}
ABBREVIATIONS = {"dr", "mr", "mrs", "ms", "prof", "rev", "hon"}
VOWELS = set("iɪeɛæaɔoʊu")


def words(units: list[str]) -> Iterator[tuple[str, ...]]:
    """Yields each word's units and each pause as a word of its own."""
    word: list[str] = []
    for unit in [*units, "_"]:
        if unit == "_" or unit in PAUSES:
            if word:
                yield tuple(word)
            word = []
            if unit != "_":
                yield (unit,)
        else:
            word.append(unit)


def classify(
    ours: list[tuple[str, ...]],
    theirs: list[tuple[str, ...]],
    spelled: dict[tuple[str, ...], str],
    english: set[str],
) -> str:
    """Names the kind of one differing stretch of words."""
    sides = [*ours, *theirs]
    pauses = [word for word in sides if word[0] in PAUSES]
    if len(pauses) == len(sides):
        return "final pause" if not ours or not theirs else "pause mark"
    written = [spelled.get(word, "") for word in theirs] + [spelled.get(word, "") for word in ours]
    if any(re.search(r"\d", word) for word in written):
        return "digits"
    if english & {word for word in written if word}:
        return "English words"
    if ABBREVIATIONS & {word.lower() for word in written}:
        return "abbreviation"
    if any(re.match(r"[A-Z]\b|[A-Z.&]{2,}", word) for word in written):
        return "initialism"
    if any(word and is_foreign(word) for word in written):
        return f"loan letters: {changes(ours, theirs)}"
    if len(ours) == len(theirs) and all(len(a) == len(b) for a, b in zip(ours, theirs, strict=True)):
        pairs = [
            (a, b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True) if a != b
        ]
        if all({a, b} <= VOWELS for a, b in pairs):
            kinds = {f"vowel {b} -> {a}" for a, b in pairs}
            return "harmony: " + ", ".join(sorted(kinds))
        return "consonants: " + ", ".join(sorted({f"{b} -> {a}" for a, b in pairs}))
    return "other"


RULES = {"gh is ɡ": ("ɡ h", "ɡ"), "th is t": ("t h", "t"), "ph is f": ("p h", "f")}


def changes(ours: list[tuple[str, ...]], theirs: list[tuple[str, ...]]) -> str:
    """Names the loan rules that turn the corpus's units into ours, else what the first difference is."""
    left, right = (" _ ".join(map(" ".join, side)) for side in (theirs, ours))
    used = []
    for name, (old, new) in RULES.items():
        if old in left and old not in right:
            left = left.replace(old, new)
            used.append(name)
    once = re.sub(r"(?<!\S)([^aeiouɪɛæɔʊ\s]\S*)(?: \1)+(?!\S)", r"\1", left)
    if once != left:
        left = once
        used.append("doubled consonant once")
    return ", ".join(used) if left == right else "other"


def main() -> None:
    """Prints agreement per unit, word and sentence, then the classes of disagreement with examples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--show", default="", help="print every disagreement of classes that begin so")
    parser.add_argument("--letter-rules", action="store_true", help="read English by letter rules")
    arguments = parser.parse_args()
    g2p, rules = (
        TwiG2P(english=not arguments.letter_rules and "auto", tones="written"),
        TwiG2P(english=False, tones="written"),
    )
    same = total = sentences = agreeing = 0
    counts: Counter[str] = Counter()
    examples: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with (arguments.corpus / "meta.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            text, theirs, ours = row["text"], row["units"], g2p.text_to_phonemes(row["text"])
            if theirs[-1:] == ["."] and ours[-1:] != ["."] and ours[-1:] and ours[-1] not in PAUSES:
                counts["final pause that the text does not write"] += 1
                theirs = theirs[:-1]  # a convention of the corpus, not a reading
            units = SequenceMatcher(None, theirs, ours, autojunk=False)
            same += sum(block.size for block in units.get_matching_blocks())
            total += max(len(theirs), len(ours))
            sentences += 1
            agreeing += theirs == ours
            spelled: dict[tuple[str, ...], str] = {}
            for word in re.findall(r"[^\s,.?!;:…\"()]+", text):
                spelled.setdefault(tuple(g2p.word_to_phonemes(word)), word)
            left, right = list(words(theirs)), list(words(ours))
            for word, token in zip(left, re.findall(r"[^\s,.?!;:…\"()-]+|[,.?!;:…]", text), strict=False):
                spelled.setdefault(word, token)
            tokens = re.findall(r"[^\s,.?!;:…\"()-]+", text)
            english = {word for word in tokens if g2p.text_to_phonemes(word) != rules.text_to_phonemes(word)}
            for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
                if tag != "equal":
                    name = classify(right[c:d], left[a:b], spelled, english)
                    counts[name] += 1
                    say = " _ ".join
                    example = f"{say(map(' '.join, left[a:b]))} -> {say(map(' '.join, right[c:d]))}"
                    examples[name][example] += 1
                    if arguments.show and name.startswith(arguments.show):
                        sys.stdout.write(f"{name}\t{example}\t{text}\n")
    write = sys.stdout.write
    write(f"units {same}/{total} = {same / total:.4f}; sentences {agreeing}/{sentences} = ")
    write(f"{agreeing / sentences:.4f}; disagreements {sum(counts.values())}\n")
    for name, count in counts.most_common():
        best = "; ".join(f"{example} ×{n}" for example, n in examples[name].most_common(3))
        write(f"{count:6d}  {name}: {best}\n")


if __name__ == "__main__":
    main()
