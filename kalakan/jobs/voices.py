"""Loads each voice of a job once, and computes the hash of everything that a row's audio depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict

from kalakan.errors import ConfigError, KalakanError
from kalakan.jobs.row import Row
from kalakan.jobs.settings import Storage, VoiceSettings
from kalakan.synthesis.synthesizer import Synthesizer

FORM = 1
"""Version of the conversion from samples to files; changes when the resulting audio changes."""


class Voices:
    """Loads the voices of rows. If a voice cannot be loaded, its rows get the error."""

    def __init__(self, settings: VoiceSettings, default: str | None) -> None:
        """Loads the default voice; raises the errors of `Synthesizer`."""
        self._settings = settings
        self._found: dict[str | None, Synthesizer | KalakanError] = {default: settings.load(default)}
        self._prints: dict[str | None, str] = {}

    def get(self, voice: str | None) -> Synthesizer:
        """The synthesizer for a voice folder; raises the error of loading it."""
        if voice not in self._found:
            try:
                self._found[voice] = self._settings.load(voice)
            except KalakanError as error:
                self._found[voice] = error
        found = self._found[voice]
        if isinstance(found, KalakanError):
            raise found
        return found

    def fingerprint(self, voice: str | None) -> str:
        """`Synthesizer.fingerprint` of a voice; "" for one that cannot be loaded."""
        if voice not in self._prints:
            try:
                found = self.get(voice).fingerprint
            except KalakanError:
                found = ""
            if found is None:
                raise ConfigError(f"voice {voice} has no fingerprint, without which a job cannot be resumed")
            self._prints[voice] = found
        return self._prints[voice]

    def fingerprints(self, rows: Iterable[Row]) -> dict[str, str]:
        """Fingerprints of the voices of rows, by folder; "" is the voice that comes with the package."""
        voices = dict.fromkeys(row.voice for row in rows)
        return {voice or "": self.fingerprint(voice) for voice in voices}

    def speaker(self, row: Row) -> str | None:
        """The speaker of a row; None if its voice cannot be loaded or has no speakers."""
        if row.options.speaker is not None:
            return row.options.speaker
        try:
            return next(iter(self.get(row.voice).speakers), None)
        except KalakanError:
            return None

    def key(self, row: Row, storage: Storage) -> str:
        """Hash of everything that the audio file of a row depends on."""
        parts = [
            FORM,
            row.text,
            asdict(row.options),
            self.fingerprint(row.voice),
            row.format,
            asdict(storage),
        ]
        content = json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")
        return hashlib.sha256(content).hexdigest()[:32]
