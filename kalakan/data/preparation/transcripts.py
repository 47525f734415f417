"""One transcript: repaired where that is safe, checked, and read as phoneme units."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from kalakan.data.preparation.problems import Problem
from kalakan.text.cleaner import clean_text
from kalakan.text.framing import closed
from kalakan.text.normalizer import normalize_text
from kalakan.text.phonemes import SOUND_IDS, id_to_symbol, symbol_to_id
from kalakan.text.twi_g2p import TwiG2P, is_foreign

LETTERS_TO_JUDGE = 60
"""Letters from which on a text without ɛ and ɔ has lost them. They are 9 to 13 % of Twi letters: of 1,800 clean
lines this long, five had neither (0.3 %)."""
_BROKEN = re.compile("[ÃÂÉÆÅÄÌâ][\u0080-\u00bf›”†‘’“€™œž]")
_RESIDUE = re.compile("(?<=[a-zɛɔ])[ÃÂÉÆÅÄÌ]|[ÃÂÅÄ](?=[A-Z])")
"""What text that was broken twice leaves: capitals that no word has inside."""


@dataclass(frozen=True)
class Transcript:
    """What is known about one text."""

    text: str
    """The text, repaired and cleaned."""
    units: tuple[str, ...]
    """Phoneme units as in synthesis, without `<bos>`; a pause mark last."""
    letters: int
    """Letters in the text."""
    open_vowels: int
    """How many of them are ɛ or ɔ."""
    repairs: tuple[str, ...]
    """Keys of `REPAIRS`."""
    problems: tuple[Problem, ...]
    """What is wrong with it."""

    @property
    def sounds(self) -> int:
        """Units that make a sound."""
        return sum(symbol_to_id(unit) in SOUND_IDS for unit in self.units)


def read_transcript(text: str, reader: TwiG2P) -> Transcript:
    """Repairs, checks and reads one transcript; any `str` is accepted."""
    composed = unicodedata.normalize("NFC", text).strip()
    cleaned = clean_text(composed)
    ids = reader.text_to_phoneme_sequence(cleaned)
    units = tuple(id_to_symbol(row) for row in (closed(ids) if ids else ()))
    letters = [char for char in cleaned.lower() if char.isalpha()]
    vowels = sum(char in "ɛɔ" for char in letters)
    problems = [*_letter_problems(composed, cleaned, len(letters), vowels), *_unit_problems(units)]
    return Transcript(cleaned, units, len(letters), vowels, _repairs(composed, cleaned), tuple(problems))


def _repairs(composed: str, cleaned: str) -> tuple[str, ...]:
    found = []
    if _BROKEN.search(composed) and not _BROKEN.search(cleaned) and "\ufffd" not in composed:
        found.append("mojibake")
    elif sum(char in "ɛɔ" for char in cleaned.lower()) > sum(char in "ɛɔ" for char in composed.lower()):
        found.append("letters")
    if _without_space(cleaned) != _without_space(composed) and not found:
        found.append("dropped")
    return tuple(found)


def _letter_problems(composed: str, cleaned: str, letters: int, vowels: int) -> list[Problem]:
    problems = []
    broken = _BROKEN.search(cleaned) or _RESIDUE.search(cleaned) or re.search("\ufffd", composed)
    if broken:
        problems.append(Problem("mojibake", f"{broken[0]!r} cannot be read back"))
    if letters >= LETTERS_TO_JUDGE and vowels == 0:
        problems.append(Problem("lost_letters", f"no ɛ or ɔ in {letters} letters"))
    foreign = sorted({char for char in composed if char.isalpha() and not _is_repairable(char)})
    if foreign:
        problems.append(Problem("foreign_letters", " ".join(foreign[:10])))
    if re.search(r"\d", cleaned):
        problems.append(Problem("digits", " ".join(re.findall(r"\S*\d\S*", cleaned)[:5])))
    words = re.findall(r"[^\W\d_]+", normalize_text(cleaned))
    strange = [word for word in words if is_foreign(word)]
    if strange:
        problems.append(Problem("foreign_words", " ".join(strange[:5])))
    return problems


def _unit_problems(units: tuple[str, ...]) -> list[Problem]:
    problems = []
    if not any(symbol_to_id(unit) in SOUND_IDS for unit in units):
        problems.append(Problem("empty_text", "nothing in it can be spoken"))
    unknown = units.count("<unk>")
    if unknown:
        problems.append(Problem("unknown_symbols", f"{unknown} letters have no reading"))
    return problems


def _is_repairable(char: str) -> bool:
    """True for letters that the cleaner keeps or turns into others, and for modifier letters."""
    if unicodedata.name(char, "").startswith(("MODIFIER", "FEMININE", "MASCULINE")):
        return True
    return any(letter.isalpha() for letter in clean_text(f"a{char}a")[1:-1])


def _without_space(text: str) -> str:
    return "".join(text.split())
