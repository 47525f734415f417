"""Explicit phonemes: units of the phoneme table, or IPA."""

from __future__ import annotations

import unicodedata
from functools import cache

from kalakan.errors import MarkupError, UnknownPhonemeError
from kalakan.text.phonemes import (
    CLASSES,
    IPA,
    NUCLEUS_CLASSES,
    SOUND_CLASSES,
    SYMBOLS,
    TONE_IDS,
    WORD_BOUNDARY,
    parse_units,
    symbol_to_id,
)

ALPHABETS = ("ipa", "x-kalakan")
"""Names of the alphabets; IPA is the default (SSML 1.1, section 3.1.10, leaves that to the processor)."""
_ALIASES = {"g": "ɡ", "\u0301": "˥", "\u0300": "˩", "\u0304": "˧", " ": "_"}
"""Other spellings in IPA: the letter g, tone marks over a vowel, a space between words."""
_SILENT = frozenset(".\u0361\u035c")
"""Syllable dots and ties, which change no sound here."""
_LENGTH = "ː"


def read_phonemes(written: str, alphabet: str) -> tuple[int, ...]:
    """Rows of the table for `written`; raises `MarkupError` for a symbol, tone or alphabet that is not supported.

    "x-kalakan" is symbols of the table separated by spaces: "a ˥ k w a a b a". "ipa" is parsed by longest match; tones
    are letters after the vowel (˥ ˧ ˩) or marks over it, and ː repeats a vowel with its tone.
    """
    if alphabet not in ALPHABETS:
        raise MarkupError(f"alphabet is {alphabet[:40]!r}; use {' or '.join(ALPHABETS)}")
    ids = _units(written) if alphabet == "x-kalakan" else _ipa(written)
    _check(ids, written)
    return tuple(ids)


def _units(written: str) -> list[int]:
    try:
        return parse_units(written)
    except UnknownPhonemeError as error:
        raise MarkupError(f"ph: {error}") from error


def _ipa(written: str) -> list[int]:
    spaced = " ".join(unicodedata.normalize("NFD", written).split())
    text = "".join(c for c in spaced if c not in _SILENT)
    table = _ipa_table()
    longest = max(map(len, table))
    ids: list[int] = []
    at = 0
    while at < len(text):
        match = next((text[at : at + n] for n in range(longest, 0, -1) if text[at : at + n] in table), None)
        if match is not None:
            ids.append(table[match])
        elif text[at] == _LENGTH and (vowel := _last_vowel(ids)):
            ids += vowel
        else:
            sign = f"{text[at]!r} (U+{ord(text[at]):04X})"
            raise MarkupError(
                f"ph: {sign} is not a sound of Twi in IPA; kalakan.text.phonemes.IPA has them all"
            )
        at += len(match or text[at])
    return ids


def _last_vowel(ids: list[int]) -> list[int]:
    """The vowel at the end of `ids` with its tones; nothing if there is none."""
    start = len(ids) - 1
    while start >= 0 and ids[start] in TONE_IDS:
        start -= 1
    return ids[start:] if start >= 0 and CLASSES[ids[start]] == "vowel" else []


@cache
def _ipa_table() -> dict[str, int]:
    """IPA, in NFD, to rows. Also includes the table's own symbols, so that aspiration need not be written."""
    rows = [row for row, kind in enumerate(CLASSES) if kind in SOUND_CLASSES or kind == "tone"]
    table = {IPA[row]: row for row in rows} | {str(SYMBOLS[row]): row for row in rows}
    table |= {alias: symbol_to_id(symbol) for alias, symbol in _ALIASES.items()}
    return {unicodedata.normalize("NFD", written): row for written, row in table.items()}


def _check(ids: list[int], written: str) -> None:
    shown = repr(written[:40])
    if not any(CLASSES[row] in SOUND_CLASSES for row in ids):
        raise MarkupError(f"ph is {shown}; it holds no sound")
    previous = "none"
    for row in ids:
        kind = CLASSES[row]
        if kind not in SOUND_CLASSES and row not in (*TONE_IDS, WORD_BOUNDARY):
            raise MarkupError(f"ph is {shown}; {SYMBOLS[row]!r} is a {kind} mark and no sound")
        if row in TONE_IDS and previous not in (*NUCLEUS_CLASSES, "tone"):
            raise MarkupError(
                f"ph is {shown}; the tone {SYMBOLS[row]!r} must follow a vowel or a syllabic nasal"
            )
        previous = kind
