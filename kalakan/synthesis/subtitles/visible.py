"""The visible part of a raw text: everything except the markup."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from kalakan.errors import MarkupError
from kalakan.synthesis.markup import is_ssml, read_markup
from kalakan.synthesis.markup.elements import SKIPPED
from kalakan.synthesis.markup.xml import parse
from kalakan.synthesis.script import Text

_APART = frozenset(("p", "s", "break"))
"""Elements that separate words even where no space is written."""


class Visible:
    """The characters of a raw text without its markup, found by their places."""

    def __init__(self, raw: str) -> None:
        self._text, self._places = _of_ssml(raw) if is_ssml(raw) else _of_plain(raw)

    def between(self, start: int, end: int) -> str:
        """The visible part of the code points `start` to `end` of the raw text, white space as it is written."""
        first = bisect_left(self._places, start)
        return self._text[first : bisect_left(self._places, end, first)]


def clean(text: str) -> str:
    """`text` on one line: white space as single spaces, without control characters and lone surrogates."""
    spaced = " ".join(text.split())
    kept = (character for character in spaced if unicodedata.category(character) != "Cc")
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in kept)


def _of_plain(raw: str) -> tuple[str, Sequence[int]]:
    parts = [part for part in read_markup(raw) if isinstance(part, Text)]
    if len(parts) == 1 and parts[0].text == raw:
        return raw, range(len(raw))
    return "".join(part.text for part in parts), [place for part in parts for place in part.places]


def _of_ssml(raw: str) -> tuple[str, Sequence[int]]:
    seen = _Seen()
    try:
        parse(raw, seen)
    except MarkupError:  # it begins like SSML, but was synthesized as plain text
        return _of_plain(raw)
    return "".join(seen.texts), seen.places


class _Seen:
    """Handles the parser events of a document and keeps its characters."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.places: list[int] = []
        self._names: list[str] = []
        self._skipped = 0

    def open(self, name: str, attributes: Mapping[str, str], place: int) -> None:
        local = name.rpartition(" ")[2]
        self._names.append(local)
        self._skipped += local in SKIPPED
        self._space(local, place)

    def close(self, place: int) -> None:
        name = self._names.pop()
        self._skipped -= name in SKIPPED
        self._space(name, place)

    def characters(self, text: str, places: Sequence[int], end: int) -> None:
        if not self._skipped:
            self.texts.append(text)
            self.places.extend(places)

    def _space(self, name: str, place: int) -> None:
        if name in _APART:
            self.characters(" ", (place,), place)
