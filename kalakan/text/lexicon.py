"""User-defined readings of words, from a file of lines or a mapping, each with its position."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kalakan.errors import TextError
from kalakan.text.phonemes import CLASSES, SYMBOLS

Entry = tuple[str, str, str]
"""A word, its reading (units, or `=` and a respelling), and its position for error messages."""
MOST_BYTES = 16 << 20
"""Maximum size of a lexicon file. A device such as /dev/zero has no end."""
_SOUNDS = frozenset({"vowel", "syllabic", "consonant", "nasal", "liquid", "glide"})
_CLASS_OF = {symbol: kind for symbol, kind in zip(SYMBOLS, CLASSES, strict=True) if symbol is not None}


def read_lexicon(lexicon: Mapping[str, str] | str | os.PathLike[str] | None) -> list[Entry]:
    """The entries of a lexicon, by word and position.

    Raises `TextError` for a file that cannot be read, a line that does not have two columns, a word that is listed
    twice, and units that do not form a word. The reader that uses the lexicon checks symbols and words.
    """
    if lexicon is None:
        return []
    if isinstance(lexicon, Mapping):
        entries = list(_of_mapping(lexicon))
    elif isinstance(lexicon, (str, os.PathLike)):
        entries = list(_of_file(Path(lexicon)))
    else:
        raise TextError(f"lexicon is a {type(lexicon).__name__}; give a mapping of words to units, or a file")
    seen: dict[str, str] = {}
    for word, reading, place in entries:
        key = unicodedata.normalize("NFC", word.strip()).lower()
        if key in seen:
            raise TextError(f"{place}: {word.strip()!r} stands there twice, before at {seen[key]}; keep one")
        seen[key] = place
        _check_units(reading, place)
    return entries


def _of_mapping(lexicon: Mapping[Any, Any]) -> Iterator[Entry]:
    for word, units in lexicon.items():
        if not isinstance(word, str) or not isinstance(units, str):
            raise TextError(f"lexicon entry {word!r} is {units!r}; both must be strings")
        yield word, units, f"lexicon entry {word!r}"


def _of_file(path: Path) -> Iterator[Entry]:
    name = os.fsencode(path).decode("utf-8", "replace")  # for error messages of the Rust core
    try:
        if "\0" in str(path):
            raise TextError(f"lexicon is {str(path)!r}; a path has no null character")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise TextError(
                f"lexicon {path} has more than {MOST_BYTES >> 20} MiB; give a file of lines word<TAB>units"
            )
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise TextError(
            f"lexicon {path} cannot be read ({error.strerror}); give a file of lines word<TAB>units"
        ) from error
    except UnicodeDecodeError as error:
        raise TextError(f"lexicon {path} is not UTF-8 at offset {error.start}; save it as UTF-8") from error
    for number, line in enumerate(lines, start=1):
        place = f"{name}, line {number}"
        if not line.strip() or line.startswith("#") or (number == 1 and line.startswith("word\tunits")):
            continue
        word, *fields = line.rstrip("\t").split("\t") if line.count("\t") > 1 else line.split("\t")
        if not fields:
            raise TextError(
                f"{place}: needs a word, a tab and units, as in bra<TAB>b ɾ a, or wifi<TAB>=waifai"
            )
        if len(fields) > 1:
            raise TextError(f"{place}: has {len(fields) + 1} columns; there are two, the word and its units")
        yield word, fields[0], place


def _check_units(reading: str, place: str) -> None:
    """Raises `TextError` for units that do not form a word: a tone without a sound before it, or no sound at all."""
    kinds = [_CLASS_OF.get(unit) for unit in reading.split()]
    if reading.strip().startswith("=") or None in kinds or not kinds:
        return  # a respelling, or an error that the reader reports in more detail
    if kinds[0] == "tone":
        raise TextError(f"{place}: begins with a tone; it stands behind the sound that has it, as in p a ˥")
    if not _SOUNDS & set(kinds):
        raise TextError(f"{place}: holds no sound; give the units of a word, as in b ɾ a")
