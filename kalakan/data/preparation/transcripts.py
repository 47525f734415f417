"""Repairs a transcript where that is safe, checks it, and converts it to phoneme units."""

from __future__ import annotations

import html
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
"""A text with at least this many letters and no ɛ or ɔ has lost them. They are 9 to 13 % of Twi letters: of 1,800
clean lines of this length, five had neither (0.3 %)."""
_BROKEN = re.compile("[ÃÂÉÆÅÄÌâ][\u0080-\u00bf›”†‘’“€™œž]")
_NO_LETTER = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]|(?<=[^\\W\\d_])[¿¡¤¦¬¶]")
"""Placeholders of a lost letter: the replacement character, private-use characters, and signs that follow no letter."""
_QUESTIONED = re.compile(r"(?<!\S)[^\W\d_]+(?:\?[^\W\d_]+)+(?=[?.,;:!]*(?:\s|$))")
_VOWEL = re.compile("[aeiou]", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);")
MOST_ESCAPES = 3
"""Maximum depth of nested entity escapes."""
_MARK = re.compile(r"\[[^\[\]]{1,40}\]|\([^()]{1,40}\)|<[^<>]{1,40}>|\{[^{}]{1,40}\}|\*[^*\s]{1,40}\*")
EVENTS = frozenset(
    [
        "applause",
        "background",
        "beep",
        "breath",
        "breathes",
        "breathing",
        "breaths",
        "click",
        "clicks",
        "cough",
        "coughing",
        "coughs",
        "exhale",
        "hesitation",
        "inhale",
        "laugh",
        "laughing",
        "laughs",
        "laughter",
        "lip",
        "lipsmack",
        "music",
        "noise",
        "noises",
        "nsn",
        "pause",
        "sigh",
        "sighs",
        "sil",
        "silence",
        "smack",
        "sneeze",
        "sniff",
        "spn",
        "static",
        "vocalized",
        "whispering",
    ]
)
"""Words in brackets that mark non-speech sounds."""
MOST_WORDS = 3
"""Words of a remark in brackets that tells more of such a sound: [Laughter: loud], [soft music playing]."""
GAPS = frozenset(
    [
        "?",
        "??",
        "???",
        "crosstalk",
        "inaudible",
        "indistinct",
        "redacted",
        "unclear",
        "unintelligible",
        "unk",
        "unknown",
        "xxx",
    ]
)
"""Words in brackets that mark a missing word."""
_RESIDUE = re.compile("(?<=[a-zɛɔ])[ÃÂÉÆÅÄÌ]|[ÃÂÅÄ](?=[A-Z])")
"""Residue of doubly garbled encodings: capitals that do not occur inside words."""


@dataclass(frozen=True)
class Transcript:
    """Result for one text."""

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
    """Problems found in it."""

    @property
    def sounds(self) -> int:
        """Number of units that are sounds."""
        return sum(symbol_to_id(unit) in SOUND_IDS for unit in self.units)


def read_transcript(text: str, reader: TwiG2P) -> Transcript:
    """Repairs, checks and converts one transcript; any `str` is accepted."""
    written = unicodedata.normalize("NFC", text).strip()
    plain = _without_entities(written)
    composed, problems = _without_marks(plain)
    cleaned = clean_text(composed)
    ids = reader.text_to_phoneme_sequence(cleaned)
    units = tuple(id_to_symbol(row) for row in (closed(ids) if ids else ()))
    letters = [char for char in cleaned.lower() if char.isalpha()]
    vowels = sum(char in "ɛɔ" for char in letters)
    problems += [*_letter_problems(composed, cleaned, len(letters), vowels), *_unit_problems(units)]
    repairs = (*_repairs(composed, cleaned), *(["entities"] if plain != written else []))
    return Transcript(cleaned, units, len(letters), vowels, repairs, tuple(problems))


def _without_entities(text: str) -> str:
    """The text with HTML entities decoded, also nested ones."""
    for _ in range(MOST_ESCAPES):
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text


def _without_marks(text: str) -> tuple[str, list[Problem]]:
    """The text without transcribers' markup, and the problems that the markup reports."""
    found: dict[str, list[str]] = {"marks": [], "gaps": []}

    def take(match: re.Match[str]) -> str:
        order = re.findall(r"[^\W_]+|\?+", match[0].casefold())
        words, ends = set(order), {*order[:1], *order[-1:]}
        is_remark = match[0][0] in "[<{" and len(order) <= MOST_WORDS
        for kind, known in (("gaps", GAPS), ("marks", EVENTS)):
            if (words & known and words <= GAPS | EVENTS) or (is_remark and ends & known):
                found[kind].append(match[0])
                return " "
        return match[0]

    left = _MARK.sub(take, text)
    return left.strip(), [Problem(kind, " ".join(marks[:5])) for kind, marks in found.items() if marks]


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
    broken = _BROKEN.search(cleaned) or _RESIDUE.search(cleaned) or _NO_LETTER.search(composed)
    broken = broken or _lost_to_question_marks(composed)
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


def _lost_to_question_marks(text: str) -> re.Match[str] | None:
    """A word in which question marks replace lost letters: the rest has no vowel, or there are many of them.

    A question mark without a space after it ("sɛn?Me") does not count.
    """
    if "ɛ" in text.lower() or "ɔ" in text.lower():
        return None
    found = list(_QUESTIONED.finditer(text))
    for match in found:
        if not all(_VOWEL.search(piece) for piece in match[0].split("?")):
            return match
    return found[0] if sum(match[0].count("?") for match in found) > 1 else None


def _unit_problems(units: tuple[str, ...]) -> list[Problem]:
    problems = []
    if not any(symbol_to_id(unit) in SOUND_IDS for unit in units):
        problems.append(Problem("empty_text", "nothing in it can be spoken"))
    unknown = units.count("<unk>")
    if unknown:
        problems.append(Problem("unknown_symbols", f"{unknown} letters have no reading"))
    return problems


def _is_repairable(char: str) -> bool:
    """True for letters that the cleaner keeps or maps to others, and for modifier letters."""
    if unicodedata.name(char, "").startswith(("MODIFIER", "FEMININE", "MASCULINE")):
        return True
    return any(letter.isalpha() for letter in clean_text(f"a{char}a")[1:-1])


def _without_space(text: str) -> str:
    return "".join(text.split())
