"""Slow, readable twin of the English part of the front-end: which words are English, and how they are read.

Built differently on purpose: a run of words is a string of class letters that one regular expression divides, and the
letters of foreign words are respelled by substitutions with a look at what stands before and after.
"""

from __future__ import annotations

import re
from pathlib import Path

DATA = Path(__file__).parents[2] / "rust/kalakan-text/data"
MARK = "[\u0300\u0301\u0303\u0304]"
VOWELS = "aeɛioɔu"
APART = "[\\Wꜜ]"  # what is no letter; the step mark counts as one in Unicode
PLAIN_A, PLAIN_W = "\ue000", "\ue001"
CLUSTERS = {
    "tion": f"sh{PLAIN_A}n",
    "sion": f"sh{PLAIN_A}n",
    "eigh": "ei",
    "igh": f"{PLAIN_A}i",
    "sch": "sk",
    "tch": "ch",
    "wh": PLAIN_W,
}
ENDINGS = {"'s": "z", "n't": "n t", "'m": "m", "'re": "a", "'ve": "v", "'ll": "l", "'d": "d"}
PHONES = {
    "ʃ": "ɕ", "ʒ": "ɕ", "ɕ": "ɕ", "ç": "ɕ", "tʃ": "tɕ", "tɕ": "tɕ", "c": "tɕ", "dʒ": "dʑ", "dʑ": "dʑ", "ɟ": "dʑ",
    "ɹ": "ɾ", "r": "ɾ", "ɾ": "ɾ", "ɪ": "i", "ʊ": "u", "æ": "a", "ɑ": "a", "ʌ": "a", "ə": "a", "ɐ": "a", "ɜ": "ɛ",
    "ɒ": "ɔ", "y": "j", "x": "h", "θ": "t", "ð": "d", "ŋ": "ŋ̩", "ts": "t s", "dz": "d z", "kp": "k p", "ɡb": "ɡ b",
}  # fmt: skip

ROWS = [line.split("\t") for line in (DATA / "english.tsv").read_text(encoding="utf-8").splitlines()]
COMMON = {row[0]: row[1] for row in ROWS}
CLASSES = {row[0]: row[2] if len(row) > 2 else "" for row in ROWS}
TWI_BITS = (DATA / "twi_words.bin").read_bytes()
NAMES = {line.split("\t")[0] for line in (DATA / "names.tsv").read_text(encoding="utf-8").splitlines()}
TWI_WORDS = {
    row[0]
    for line in (DATA / "lexicon.tsv").read_text(encoding="utf-8").splitlines()
    if (row := line.split("\t"))[2] == "twi"
}


def is_twi(word: str) -> bool:
    """Whether the list of Twi words has a word, or its filter takes the word for one."""
    value = 0xCBF29CE484222325
    for byte in word.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    first, step = value % 2**32, value >> 32 | 1
    places = ((first + step * row) % 2**32 % (8 * len(TWI_BITS)) for row in range(8))
    return all(TWI_BITS[place // 8] >> place % 8 & 1 for place in places)


def classify(word: str) -> str:
    """T, E, B (English beside English) or X (English between English) of a decomposed word of small letters."""
    bases = re.sub(APART, "", word)
    if re.search("[ɛɔ]", bases) or bases in NAMES:
        return "T"
    kind = CLASSES.get(entry(word))
    if kind is None:
        return "E" if is_foreign(bases) else "T"
    return {"either": "X", "beside": "B"}.get(kind, "E")


def entry(word: str) -> str:
    """The word as a list keeps it: no marks, an apostrophe for whatever parts its letters."""
    return re.sub(f"{APART}+", "'", re.sub(MARK, "", word)).strip("'")


def english_places(classes: str) -> set[int]:
    """Which words of a run without a pause are English."""
    found: set[int] = set()
    for match in re.finditer("(B*E(?:B|X[XB]?E)*)(?:X[XB]?)?", classes):
        found |= set(range(*match.span(1)))
    return found


def is_foreign(bases: str) -> bool:
    """Whether letters cannot be a Twi word."""
    if not bases or bases in TWI_WORDS:
        return False
    if not re.fullmatch(f"[{VOWELS}bdfghklmnprstwy]*[{VOWELS}mnw]", bases):
        return True
    for match in re.finditer(f"(?=ee[^{VOWELS}])", bases):
        at = match.start()
        after = re.search(f"[{VOWELS}]", bases[at + 2 :])
        twice = bool(after) and at > 0 and bases[: at + 2 + after.end()].endswith(bases[at - 1] + "e")
        closed = bases[-1] not in VOWELS
        if not bases.startswith("mee") and (closed or not (twice or bases[-1] != "e")):
            return True
    for run in re.findall(f"[^{VOWELS}]+", bases):
        rest = re.sub("^(?:m|n(?![yw]))*", "", run)
        if rest == "rr" or re.sub("^(?:[kghn]y|[tdkghn]w|.)", "", rest) not in ("", "r"):
            return True
    return False


def read(word: str) -> list[str] | None:
    """The units of a common English word, with its ending after an apostrophe."""
    written = entry(word)
    if written in COMMON:
        return fold(COMMON[written].split())
    for ending, added in ENDINGS.items():
        host = COMMON.get(written.removesuffix(ending)) if written.endswith(ending) else None
        if host:
            hard = host[-1] in "ptkfθ"
            return fold([*host.split(), *("s" if added == "z" and hard else added).split()])
    return None


def fold(phones: list[str]) -> list[str]:
    """IPA to units."""
    text = " " + " ".join(phones) + " "
    text = re.sub(" (m|n)(?= (?![aæɑʌəɐeɛɜiɪoɔɒuʊwj]))", " \\1\u0329", text)
    text = text.replace(" e ɪ ", " e e ").replace(" o ʊ ", " o o ")
    text = re.sub(" ([kɡ]) w(?= )", " \\1ʷ", text)
    units: list[str] = []
    for phone in text.split():
        short = phone.removesuffix("ː")
        units += PHONES.get(short, short).split() * (1 + (short != phone))
    return units


def respell(word: str) -> str:
    """A foreign word as Twi would write its sounds."""

    def change(match: re.Match[str]) -> str:
        found = match[0]
        before = re.sub(APART, "", word[: match.start()])
        after = word[match.end() :]
        rest = re.sub(APART, "", after)
        vowel_next = re.match(f"{MARK}*[{VOWELS}]", after) is not None
        if found in CLUSTERS:
            return CLUSTERS[found] if before or not found.endswith("ion") else found
        if found == "y":
            return "i" if before and before[-1] not in VOWELS + "y" and not vowel_next else "y"
        if found == "c":
            return "s" if re.match(f"{MARK}*[eiy]", after) else "c"
        if found == "g":
            hard = (not before and rest[1:2] in ("t", "a", "e")) or rest[1:] == "r"
            return "j" if re.match(f"{MARK}*e", after) and not hard else "g"
        if found == "w":
            return "'w" if before and before[-1] in "td" and not vowel_next else "w"
        silent = (
            re.search("[bcdfgklmnprstvz]$", before[1:])
            and not before.endswith("ts")
            and not re.search("dz|gb|kp", before + found + rest)
            and re.search(f"[{VOWELS}y]", before)
            and not re.search(f"[!ꜜ]{APART}*$", word[: match.start()])
            and not re.match(rf"{MARK}|(?!ꜜ)\w", after)
        )
        return "" if silent else "e"

    return re.sub(rf"(?:{'|'.join(CLUSTERS)})(?!{MARK})|[ycgwe]", change, word)
