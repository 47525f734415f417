"""Builds the parts of a script: neighbors with the same settings become one stretch of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from kalakan.synthesis.script import PLAIN, Part, Pause, Prosody, Text, Units


@dataclass(frozen=True)
class Settings:
    """Settings of a stretch of text."""

    prosody: Prosody = PLAIN
    language: str | None = None
    tones: str | None = None


@dataclass
class Script:
    """The parts of a script, in order."""

    parts: list[Part] = field(default_factory=list)
    """The finished parts; all of them after `finish`."""
    _settings: Settings = field(default_factory=Settings)
    _texts: list[str] = field(default_factory=list)
    _places: list[Sequence[int]] = field(default_factory=list)
    _end: int = 0
    _line_ends: int = 2  # since the last text or sounds: one ends a sentence, two a paragraph

    def text(self, text: str, places: Sequence[int], end: int, settings: Settings) -> None:
        """Adds text; joins it with the preceding text if that has the same settings."""
        if settings != self._settings:
            self.finish()
            self._settings = settings
        self._texts.append(text)
        self._add_places(places)
        self._end = end
        if not text.isspace():
            self._line_ends = 0

    def replacement(self, text: str, places: Sequence[int], end: int, settings: Settings) -> None:
        """Adds replacement text as a separate stretch, so that its end is known."""
        self.finish()
        self.text(text, places, end, settings)
        self.finish()

    def units(self, units: Units) -> None:
        """Adds sounds."""
        self.finish()
        self.parts.append(units)
        self._line_ends = 0

    def pause(self, pause: Pause) -> None:
        """Adds silence, which also ends a sentence."""
        self.finish()
        self.parts.append(pause)
        self._line_ends = 2

    def end_sentence(self, place: int, settings: Settings, is_paragraph: bool = False) -> None:
        """Ends the current sentence, if there is one, with a line end at `place`, and a paragraph with a blank line."""
        wanted = 2 if is_paragraph else 1
        missing = "\n" * (wanted - self._line_ends)
        if missing:
            self.text(missing, (place,) * len(missing), place, self._settings if self._texts else settings)
            self._line_ends = wanted

    def finish(self) -> None:
        """Turns the text that was added last into a part."""
        text = "".join(self._texts)
        if text:
            # A range where the text is unchanged from the raw input.
            is_whole = len(self._places) == 1
            places = self._places[0] if is_whole else tuple(chain.from_iterable(self._places))
            given = self._settings
            self.parts.append(Text(text, places, self._end, given.prosody, given.language, given.tones))
        self._texts, self._places = [], []

    def _add_places(self, places: Sequence[int]) -> None:
        last = self._places[-1] if self._places else None
        if isinstance(last, range) and isinstance(places, range) and last.stop == places.start:
            self._places[-1] = range(last.start, places.stop)
        elif places:
            self._places.append(places)
