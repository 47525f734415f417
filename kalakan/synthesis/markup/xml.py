"""Parses XML to events with positions in the raw text; safe on hostile input.

The parser is expat from the standard library: it keeps its own stack on the heap and reports the position of each
event. defusedxml wraps the same parser with the same restrictions but reports no positions. Rejected are document type
declarations, and with them all entities except the five of XML, so nothing expands and nothing external is read; more
characters than `MAX_CHARACTERS`; and more open elements than `MAX_DEPTH`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from kalakan.errors import MarkupError

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

MAX_CHARACTERS = 1_000_000
"""Longest document, in code points: about a day of speech."""
MAX_DEPTH = 100
"""Most elements that may be open at once."""
_HINTS = {
    "not well-formed (invalid token)": " (in text, write &lt; for < and &amp; for &)",
    "undefined entity": "; write the character itself, or one of &lt; &gt; &amp; &quot; &apos;",
    "no element found": "; close every element that is open, and <speak> last",
    "syntax error": "; begin with <speak>",
}
"""Advice for errors of expat."""
SEPARATOR = " "
"""Separates a namespace from a name; neither can contain it."""


class Handler(Protocol):
    """Receives the events of a document; places are code points of the raw text."""

    def open(self, name: str, attributes: Mapping[str, str], place: int) -> None:
        """Handles a start tag at `place`."""
        ...

    def close(self, place: int) -> None:
        """Handles the end of the element opened last, at `place`."""
        ...

    def characters(self, text: str, places: Sequence[int], end: int) -> None:
        """Handles character data: the place of each character, and where they end."""
        ...


def located(raw: str, place: int, message: str) -> str:
    """A message with its position in `raw`: "line 2, column 7: message"."""
    line = raw.count("\n", 0, place) + 1
    column = place - raw.rfind("\n", 0, place)
    return f"line {line}, column {column}: {message}"


def failure(raw: str, place: int, message: str) -> MarkupError:
    """An error with its position in `raw`."""
    return MarkupError(located(raw, place, message))


def parse(raw: str, handler: Handler) -> None:
    """Passes the events of the document `raw` to `handler`.

    Raises `MarkupError` if it is not well-formed, too long or too deep, or declares a document type.
    """
    if len(raw) > MAX_CHARACTERS:
        raise MarkupError(
            f"the SSML has {len(raw)} characters; at most {MAX_CHARACTERS} are read at once: send it in parts"
        )
    _Run(raw, handler).parse()


class _Run:
    """One run of the parser over one document."""

    def __init__(self, raw: str, handler: Handler) -> None:
        # Imported here, because plain text does not need expat.
        from xml.parsers import expat

        self._raw = raw
        self._handler = handler
        self._data = raw.encode("utf-8", "surrogatepass")
        self._byte = self._place = self._depth = 0
        self._is_cdata = False
        self._error = expat.ExpatError
        self._say = expat.ErrorString
        # Explicit, because the encoding in the XML declaration applied before the text was decoded.
        self._parser = expat.ParserCreate("utf-8", SEPARATOR)
        self._listen(self._parser)

    def _listen(self, parser: XMLParserType) -> None:
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._characters
        parser.StartCdataSectionHandler = lambda: self._cdata(True)
        parser.EndCdataSectionHandler = lambda: self._cdata(False)
        parser.StartDoctypeDeclHandler = self._refuse_doctype

    def parse(self) -> None:
        try:
            self._parser.Parse(self._data, True)
        except self._error as error:
            place = self._place_of(self._parser.ErrorByteIndex)
            complaint = self._say(error.code)
            problem = f"the SSML is not well-formed: {complaint}{_HINTS.get(complaint, '')}"
            raise failure(self._raw, place, problem) from None

    def _place_of(self, byte: int) -> int:
        """The code point that a byte belongs to; bytes never decrease, so a document is scanned once."""
        while self._byte < byte < len(self._data) and self._data[byte] & 0xC0 == 0x80:
            byte -= 1  # expat may report an error in the middle of a character
        if byte < self._byte:
            return self._place
        self._place += len(self._data[self._byte : byte].decode("utf-8", "surrogatepass"))
        self._byte = byte
        return self._place

    def _here(self) -> int:
        return self._place_of(self._parser.CurrentByteIndex)

    def _open(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise failure(
                self._raw, self._here(), f"more than {MAX_DEPTH} elements are open; nest them less deeply"
            )
        self._handler.open(name, attributes, self._here())

    def _close(self, name: str) -> None:
        self._depth -= 1
        self._handler.close(self._here())

    def _cdata(self, is_open: bool) -> None:
        self._is_cdata = is_open

    def _characters(self, text: str) -> None:
        start = self._here()
        places: Sequence[int] = range(start, start + len(text))
        end = start + len(text)
        if self._raw[start] == "\r":  # expat reads every line end as \n
            end = start + (2 if self._raw[start + 1 : start + 2] == "\n" else 1)
        elif self._raw[start] == "&" and not self._is_cdata:
            places = (start,) * len(text)
            end = self._raw.index(";", start) + 1
        self._handler.characters(text, places, end)

    def _refuse_doctype(self, *_: object) -> None:
        raise failure(
            self._raw,
            self._here(),
            "a document type (<!DOCTYPE …>) is not read, nor are entities that it declares; leave it out",
        )
