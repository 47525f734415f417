"""A row of a corpus: a text, its settings, and the name of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kalakan.audio.formats import format_named
from kalakan.errors import KalakanError, TextError
from kalakan.synthesis.options import CONTROLS, DEFAULTS, SpeakOptions

COLUMNS = frozenset({"text", "id", "voice", "format", "chapter", *CONTROLS})
"""Names of the known columns."""
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


@dataclass(frozen=True)
class Defaults:
    """Defaults for rows that do not set a value."""

    options: SpeakOptions
    """Settings of the synthesis."""
    voice: str | None
    """Voice folder; None for the voice that comes with the package."""
    format: str
    """Name of the audio format."""


@dataclass(frozen=True)
class Row:
    """A text to synthesize to a file."""

    number: int
    """Its number among the texts of the corpus, counted from 1 without headers and blank lines."""
    name: str
    """Name of its file without the suffix: the id or the number."""
    text: str
    """The raw text."""
    options: SpeakOptions
    """Settings of the synthesis."""
    voice: str | None
    """Voice folder; None for the voice that comes with the package."""
    format: str
    """Name of the audio format."""
    chapter: str
    """The chapter that it belongs to; "" if the corpus names none."""
    fault: str | None = None
    """Why it cannot be synthesized; None if no reason is known."""
    location: str = ""
    """Final path of its audio in the output folder, as in the manifest."""
    line: int = 0
    """Number of its line in the file, counted from 1; 0 if the corpus has no lines."""

    @property
    def file(self) -> str:
        """Name of its audio file."""
        return f"{self.name}.{self.format}"

    @property
    def place(self) -> str:
        """Its position in the corpus, for messages."""
        return f"line {self.line}" if self.line else f"row {self.number}"

    def changes(self) -> dict[str, Any]:
        """The settings that differ from the defaults of `SpeakOptions`."""
        return {name: value for name, value in asdict(self.options).items() if value != DEFAULTS[name]}


def row_of(
    number: int, cells: Mapping[str, Any], defaults: Defaults, fault: str | None = None, line: int = 0
) -> Row:
    """Row `number` with the fields `cells`, by column; empty ones are the defaults.

    Invalid values become the row's `fault`, because an error in one row does not stop a job.
    """
    given = {name: value for name, value in cells.items() if value is not None and str(value).strip() != ""}
    text, name = given.get("text", ""), str(given.get("id", f"{number:06}")).strip()
    row = Row(
        number,
        name,
        text if isinstance(text, str) else str(text),
        defaults.options,
        str(given.get("voice", defaults.voice or "")) or None,
        defaults.format,
        str(given.get("chapter", "")).strip(),
        fault,
        line=line,
    )
    try:
        options = {key: _value(key, given[key]) for key in CONTROLS if key in given}
        row = replace(row, options=replace(defaults.options, **options))
        if "format" in given:
            row = replace(row, format=format_named(str(given["format"]).strip()).name)
        if not isinstance(text, str):
            raise TextError(f"text is {text!r}; it must be a string")
        if not text.strip():
            raise TextError("the text is empty")
    except KalakanError as error:
        return replace(row, fault=row.fault or str(error))
    return row


def _value(name: str, value: Any) -> Any:
    """A field converted to the type of its control; `SpeakOptions` rejects values that cannot be converted."""
    if not isinstance(value, str):
        return value
    value, default = value.strip(), DEFAULTS[name]
    if isinstance(default, bool):
        return True if value.lower() in _YES else False if value.lower() in _NO else value
    if isinstance(default, int | float):
        try:
            return type(default)(value)
        except ValueError:
            return value
    return value
