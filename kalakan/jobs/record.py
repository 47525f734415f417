"""A line of the manifest: the result of a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kalakan.jobs.measure import Measured
from kalakan.jobs.row import Row

_MEASURED = tuple(Measured.__dataclass_fields__)


@dataclass(frozen=True)
class Record:
    """The result of a row; always identical for the same row, voice and settings."""

    n: int
    """Number of the row."""
    id: str
    """Its name."""
    file: str | None
    """Path of its audio in the output folder, for a shard with ":" and the member; None if there is none."""
    text: str
    """Its text."""
    chapter: str
    """Its chapter; "" for none."""
    voice: str | None
    """Its voice folder; None for the voice that comes with the package."""
    options: Mapping[str, Any]
    """Its settings that differ from the defaults of `SpeakOptions`; always has `speaker`."""
    measured: Measured | None
    """Facts about its audio."""
    sha256: str | None
    """Hash of the audio file."""
    timing_sha256: str | None
    """Hash of its timing file; None without one."""
    error: str | None
    """The error, if it has no audio."""
    key: str
    """Hash of everything that its audio depends on."""

    def line(self) -> bytes:
        """The line of the manifest."""
        record = {name: value for name, value in asdict(self).items() if name not in ("measured", "error")}
        facts = dict.fromkeys(_MEASURED) if self.measured is None else asdict(self.measured)
        ending = {name: record.pop(name) for name in ("sha256", "timing_sha256", "key")}
        return (
            json.dumps(record | facts | {"error": self.error} | ending, ensure_ascii=False).encode() + b"\n"
        )

    @classmethod
    def from_line(cls, line: bytes) -> Record:
        """The record of a line; raises `ValueError` for anything else."""
        try:
            fields = json.loads(line)
            facts = {name: fields.pop(name) for name in _MEASURED}
            return cls(**fields, measured=None if facts["seconds"] is None else Measured(**facts))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no line of a manifest: {error}") from error


def failed(row: Row, speaker: str | None, key: str, error: str) -> Record:
    """The record of a row without audio."""
    return record_of(row, speaker, key, error=error)


def record_of(
    row: Row,
    speaker: str | None,
    key: str,
    *,
    measured: Measured | None = None,
    sha256: str | None = None,
    timing_sha256: str | None = None,
    error: str | None = None,
) -> Record:
    """The record of a row synthesized with `speaker`."""
    options = row.changes() | ({} if speaker is None else {"speaker": speaker})
    file = row.location if error is None else None
    return Record(
        row.number,
        row.name,
        file,
        row.text,
        row.chapter,
        row.voice,
        options,
        measured,
        sha256,
        timing_sha256,
        error,
        key,
    )
