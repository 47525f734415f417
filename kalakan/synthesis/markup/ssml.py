"""SSML to a script."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kalakan.errors import MarkupError, MarkupWarning, TextError
from kalakan.synthesis.markup import say_as
from kalakan.synthesis.markup.builder import Script, Settings
from kalakan.synthesis.markup.elements import (
    ELEMENTS,
    EXTENSION,
    IGNORED_ATTRIBUTES,
    INSTEAD,
    LONGEST_BREAK_S,
    RENDERED,
    SILENT_ATTRIBUTES,
    SKIPPED,
    UNHEARD,
    Element,
    break_seconds,
    check,
)
from kalakan.synthesis.markup.phonemes import read_phonemes
from kalakan.synthesis.markup.prosody import OutOfRangeError
from kalakan.synthesis.markup.xml import SEPARATOR, failure, located, parse
from kalakan.synthesis.script import Part, Pause, Units
from kalakan.text.normalizer import normalize_text

NAMESPACE = "http://www.w3.org/2001/10/synthesis"
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {"": "", _XML: "xml:", EXTENSION: "kalakan:"}
"""Namespaces of attributes, and how this package writes them."""
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
_BEGINNING = re.compile(r"\ufeff?\s*<(?:\?xml\s|(?:\w+:)?speak[\s/>])")
_LINE_ENDS = str.maketrans("\n\r", "  ")
"""Line ends in XML are layout: unlike those of plain text they end no sentence."""


def is_ssml(text: str) -> bool:
    """Whether `text` begins like an SSML document, with an XML declaration or the tag `speak`."""
    return _BEGINNING.match(text) is not None


def read_ssml(text: str, *, variety: str = "asante", strict: bool = False) -> list[Part]:
    """The script of an SSML document; positions count code points of `text`, including tags.

    `kalakan.synthesis.markup.elements` has the table of elements. Comments and processing instructions are skipped.
    Line ends in text are spaces. `variety` chooses the words that `say-as` uses for single digits, as in
    `normalize_text`. Where SSML 1.1 requires rendering anyway, a `MarkupWarning` is issued, or an error raised with
    `strict`.

    Raises:
        MarkupError: The document is not well-formed, too long or too deep, declares a document type, or has an element
            that is not supported; in strict mode also an attribute or value. The message gives line and column.
        TextError: `text` is not a string.
    """
    if not isinstance(text, str):
        raise TextError(f"the SSML is a {type(text).__name__}; it must be a string")
    reader = _Reader(text, variety, strict)
    parse(text, reader)
    reader.script.finish()
    return reader.script.parts


@dataclass
class _Open:
    """An element that is open."""

    name: str
    element: Element
    attributes: Mapping[str, str]
    place: int
    settings: Settings
    texts: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    end: int = 0

    def content(self) -> tuple[str, list[int], int, int]:
        """Text without outer white space, its positions, and its span; an empty text has the position of the tag."""
        text = "".join(self.texts).translate(_LINE_ENDS)
        start = len(text) - len(text.lstrip())
        end = len(text.rstrip())
        if start >= end:
            return "", [], self.place, self.place
        last = self.places[end] if end < len(text) else self.end
        return text[start:end], self.places[start:end], self.places[start], last


class _Reader:
    """Handles the parser events of a document and builds the script."""

    def __init__(self, raw: str, variety: str, strict: bool) -> None:
        self._strict = strict
        self.script = Script()
        self._raw = raw
        self._say_digit = partial(normalize_text, variety=variety)
        self._open: list[_Open] = []
        self._skipped = 0  # open elements, starting with a skipped one

    def open(self, name: str, attributes: Mapping[str, str], place: int) -> None:
        unheard = SKIPPED if self._strict else UNHEARD
        if self._skipped or (self._open and _local(name) in unheard):
            self._skipped += 1
            return
        short = _local(name)
        if not self._strict and self._open and SEPARATOR in short and self._open[-1].element.holds == "any":
            # Of an extension only the content is known (SSML 1.1, section 2.2.1).
            self._warn(
                short.rpartition(SEPARATOR)[2], place, "it is of another namespace: only its content is read"
            )
            self._open.append(_Open(short, Element(), {}, place, self._settings))
            return
        self._check_place(short, place)
        element = self._elements[short]
        given: Mapping[str, str] = {key: value for key, value in map(_attribute, attributes.items()) if key}
        try:
            check(short, element, given)
            settings = element.apply(self._settings, given)
            if short == "break":
                self._pause(break_seconds(given), place)
        except MarkupError as error:
            if self._strict:
                raise self._failure(short, place, error) from error
            element, given, settings = self._rendered(short, given, place)
        if element.is_sentence:
            self.script.end_sentence(place, self._settings, element.is_paragraph)
        self._open.append(_Open(short, element, given, place, settings))

    def close(self, place: int) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        closed = self._open.pop()
        try:
            self._finish(closed)
        except MarkupError as error:
            if self._strict:
                raise self._failure(closed.name, closed.place, error) from error
            self._warn(closed.name, closed.place, error)
            content, places, _, end = closed.content()
            if content:
                self.script.text(content, places, end, closed.settings)
        if closed.element.is_sentence:
            self.script.end_sentence(place, closed.settings, closed.element.is_paragraph)

    def characters(self, text: str, places: Sequence[int], end: int) -> None:
        if self._skipped:
            return
        inside = self._open[-1]
        if inside.element.holds == "text":
            inside.texts.append(text)
            inside.places.extend(places)
            inside.end = end
        elif inside.element.holds == "any":
            self.script.text(text.translate(_LINE_ENDS), places, end, inside.settings)
        elif not text.isspace():
            raise self._failure(inside.name, inside.place, "it holds nothing; close it with />")

    def _rendered(
        self, name: str, given: Mapping[str, str], place: int
    ) -> tuple[Element, Mapping[str, str], Settings]:
        """A partly supported element: the element, its attributes, and the settings inside it."""
        element, settings = self._elements[name], self._settings
        known: dict[str, str] = {}
        for attribute, value in given.items():
            if attribute not in element.attributes:
                if attribute not in SILENT_ATTRIBUTES:
                    self._warn(name, place, f"the attribute {attribute[:40]!r} is not read")
                continue
            try:
                settings = element.apply(settings, {attribute: value})
                known[attribute] = value
            except OutOfRangeError as error:
                self._warn(name, place, error)
                settings = replace(settings, prosody=error.nearest)
            except MarkupError as error:
                self._warn(name, place, error)
        if name == "emphasis" and not known:
            try:
                settings = element.apply(self._settings, {})
            except OutOfRangeError as error:
                settings = replace(self._settings, prosody=error.nearest)
        if name == "break":
            self._pause(self._rendered_break(known, place), place)
        if any(not known.get(attribute, "").strip() for attribute in element.required):
            self._warn(name, place, f"without {' and '.join(element.required)} it is its content")
            element = replace(element, holds="any")
        return element, known, settings

    def _rendered_break(self, given: Mapping[str, str], place: int) -> float:
        for attributes in (given, {key: value for key, value in given.items() if key == "strength"}):
            try:
                return break_seconds(attributes)
            except MarkupError as error:
                self._warn("break", place, error)
                if "at most" in str(error):
                    return LONGEST_BREAK_S
        return break_seconds({})

    def _warn(self, name: str, place: int, problem: object) -> None:
        message = located(self._raw, place, f"<{name[:40]}>: {problem}")
        warnings.warn(message, MarkupWarning, stacklevel=2)

    @property
    def _elements(self) -> Mapping[str, Element]:
        return ELEMENTS if self._strict else {**RENDERED, **ELEMENTS}

    @property
    def _settings(self) -> Settings:
        return self._open[-1].settings if self._open else Settings()

    def _check_place(self, name: str, place: int) -> None:
        """Raises `MarkupError` for an element that is unknown or not allowed here."""
        if (name == "speak") != (not self._open):
            problem = "it is the root and stands once" if self._open else "the root of SSML is <speak>"
            raise self._failure(name, place, problem)
        if name not in self._elements:
            advice = INSTEAD.get(name) or f"these are: {', '.join(self._elements)}"
            raise self._failure(name, place, f"it is not read; {advice}")
        if self._open and self._open[-1].element.holds != "any":
            raise self._failure(name, place, f"it stands in <{self._open[-1].name}>, which holds no elements")

    def _pause(self, seconds: float, place: int) -> None:
        if seconds > 0:
            end = self._raw.index(">", place) + 1
            self.script.pause(Pause(seconds, place, end))

    def _finish(self, closed: _Open) -> None:
        """Writes the reading of an element with text content."""
        if closed.element.holds != "text":
            return
        if closed.name == "sub":
            self._replace(closed, closed.attributes["alias"])
        elif closed.name == "phoneme":
            _, _, start, end = closed.content()
            ids = read_phonemes(closed.attributes["ph"], closed.attributes.get("alphabet", "ipa"))
            self.script.units(Units(ids, start, end, closed.settings.prosody))
        elif closed.name == "say-as":
            self._say_as(closed, closed.attributes["interpret-as"], closed.attributes.get("format"))

    def _say_as(self, closed: _Open, kind: str, form: str | None) -> None:
        content = closed.content()[0]
        if kind not in say_as.KINDS:
            raise MarkupError(f"interpret-as is {kind[:40]!r}; use {', '.join(say_as.KINDS)}")
        if form is not None and kind not in say_as.WITH_FORMAT:
            raise MarkupError(f"{kind} takes no format; {' and '.join(say_as.WITH_FORMAT)} do")
        if not content:
            raise MarkupError(f"it is empty; give what is to be said as {kind}")
        if kind in say_as.PIECEWISE:
            self._spell(closed, kind)
        elif kind in say_as.WITH_FORMAT:
            self._replace(closed, say_as.WITH_FORMAT[kind](content, form))
        else:
            self._replace(closed, say_as.AS_WHOLE[kind](content))

    def _replace(self, closed: _Open, text: str) -> None:
        """Writes `text` instead of the content of `closed`."""
        _, _, start, end = closed.content()
        self.script.replacement(text.translate(_LINE_ENDS), (start,) * len(text), end, closed.settings)

    def _spell(self, closed: _Open, kind: str) -> None:
        content, places, _, end = closed.content()
        is_english = closed.settings.language == "en"
        pieces = say_as.PIECEWISE[kind](content, str if is_english else self._say_digit)
        self.script.finish()
        for (said, at), following in zip(pieces, [*pieces[1:], None], strict=True):
            # English digits go to the English reader; letter names are Twi spellings in any context.
            is_figure = said.rstrip(",").isdigit()
            settings = closed.settings if is_figure else replace(closed.settings, language="tw")
            if following is None:
                self.script.text(said, (places[at],) * len(said), end, settings)
            else:
                next_place = places[following[1]]
                self.script.text(said + " ", (*(places[at],) * len(said), next_place), next_place, settings)
        self.script.finish()

    def _failure(self, name: str, place: int, problem: object) -> MarkupError:
        return failure(self._raw, place, f"<{name[:40]}>: {problem}")


def _local(name: str) -> str:
    """Name of an element of SSML, with or without its namespace; others keep theirs."""
    namespace, _, local = name.rpartition(SEPARATOR)
    return local if namespace in ("", NAMESPACE) else name


def _attribute(item: tuple[str, str]) -> tuple[str, str]:
    """Name and value of an attribute; an empty name for one unrelated to speech."""
    namespace, _, local = item[0].rpartition(SEPARATOR)
    name = f"{_PREFIXES[namespace]}{local}" if namespace in _PREFIXES else item[0]
    return ("", "") if namespace == _SCHEMA or name in IGNORED_ATTRIBUTES else (name, item[1])
