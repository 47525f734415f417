"""The closed phoneme table. Ids are row numbers and never change; new symbols take reserved rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import kalakan._rust as _rust
from kalakan.errors import UnknownPhonemeError

__all__ = [
    "BOS",
    "CLASSES",
    "EOS",
    "IPA",
    "NUCLEUS_CLASSES",
    "PAD",
    "PAUSE_IDS",
    "SOUND_CLASSES",
    "SOUND_IDS",
    "SYMBOLS",
    "TABLE_HASH",
    "TABLE_SIZE",
    "TONE_IDS",
    "UNK",
    "WORD_BOUNDARY",
    "format_units",
    "id_to_symbol",
    "parse_units",
    "phoneme_class",
    "symbol_to_id",
    "write_table",
]

_ROWS: Final = _rust.phoneme_table()

SYMBOLS: Final[tuple[str | None, ...]] = tuple(symbol or None for symbol, _, _, _ in _ROWS)
"""Symbol of each id; None for a reserved row."""

IPA: Final[tuple[str, ...]] = tuple(ipa for _, ipa, _, _ in _ROWS)
"""Broad IPA of each id; empty where the unit is not a sound."""

CLASSES: Final[tuple[str, ...]] = tuple(kind for _, _, kind, _ in _ROWS)
"""Class of each id: special, boundary, pause, language, tone, vowel, consonant, nasal, syllabic, liquid, glide
or reserved."""

SOUND_CLASSES: Final = frozenset({"vowel", "consonant", "nasal", "syllabic", "liquid", "glide"})
"""Classes of units that make a sound."""

NUCLEUS_CLASSES: Final = frozenset({"vowel", "syllabic"})
"""Classes of units that carry a tone."""

SOUND_IDS: Final = frozenset(row for row, kind in enumerate(CLASSES) if kind in SOUND_CLASSES)
"""Ids that make a sound; a text without any cannot be synthesized."""

TABLE_SIZE: Final = len(_ROWS)
"""Number of rows of the table, including reserved ones: the size of an embedding."""

TABLE_HASH: Final = _rust.phoneme_table_hash()
"""Hash of all ids and symbols, sixteen hex digits. Ids mean the same in tables with equal hashes."""

_IDS: Final = {symbol: row for row, symbol in enumerate(SYMBOLS) if symbol is not None}


def symbol_to_id(symbol: str) -> int:
    """Returns the id of a symbol.

    Raises:
        UnknownPhonemeError: The symbol is not in the table.
    """
    try:
        return _IDS[symbol]
    except KeyError:
        raise UnknownPhonemeError(f"{symbol!r} is not a symbol of the phoneme table") from None


def id_to_symbol(phoneme_id: int) -> str:
    """Returns the symbol of an id.

    Raises:
        UnknownPhonemeError: The id is outside the table or its row is reserved.
    """
    symbol = SYMBOLS[phoneme_id] if 0 <= phoneme_id < TABLE_SIZE else None
    if symbol is None:
        raise UnknownPhonemeError(f"{phoneme_id} is not the id of a phoneme; ids are 0 to {TABLE_SIZE - 1}")
    return symbol


def phoneme_class(phoneme_id: int) -> str:
    """Returns the class of an id, "reserved" for a reserved row.

    Raises:
        UnknownPhonemeError: The id is outside the table.
    """
    if not 0 <= phoneme_id < TABLE_SIZE:
        raise UnknownPhonemeError(f"{phoneme_id} is not the id of a phoneme; ids are 0 to {TABLE_SIZE - 1}")
    return CLASSES[phoneme_id]


def parse_units(units: str) -> list[int]:
    """Returns the ids of units separated by white space, as in "b ɾ a".

    Raises:
        UnknownPhonemeError: A symbol is not in the table.
    """
    return _rust.parse_units(units)


def format_units(ids: Iterable[int]) -> str:
    """Returns the symbols of `ids` joined with single spaces; `parse_units` reads them back.

    Raises:
        UnknownPhonemeError: An id is outside the table or reserved.
    """
    return " ".join(map(id_to_symbol, ids))


def write_table(path: str | Path) -> None:
    """Writes the table as TSV (id, symbol, ipa, class, features), to be stored with a model's weights."""
    Path(path).write_text(_rust.phoneme_table_text(), encoding="utf-8", newline="\n")


PAD: Final = symbol_to_id("<pad>")
BOS: Final = symbol_to_id("<bos>")
EOS: Final = symbol_to_id("<eos>")
UNK: Final = symbol_to_id("<unk>")
WORD_BOUNDARY: Final = symbol_to_id("_")

PAUSE_IDS: Final = frozenset(row for row, kind in enumerate(CLASSES) if kind == "pause")
"""Ids of the pause marks."""

TONE_IDS: Final = frozenset(row for row, kind in enumerate(CLASSES) if kind == "tone")
"""Ids of the tones and the downstep: they follow their nucleus and have a duration of zero frames."""
