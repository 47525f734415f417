"""The state of a job, stored in its output folder, so that a resumed job can report changes first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kalakan.errors import DataError
from kalakan.jobs.row import Row
from kalakan.jobs.settings import JobSettings
from kalakan.storage import replacing

NAME = "job.json"
_FORMAT = {"format": "kalakan-job", "version": 1}


@dataclass(frozen=True)
class State:
    """Everything that the files of a job depend on."""

    layout: Mapping[str, Any]
    """Layout, and rows per shard."""
    settings: Mapping[str, Any]
    """Settings for rows without their own, and for all files."""
    rows: int
    """Number of rows."""
    corpus: str
    """Hash of the texts and names of the rows."""
    columns: str
    """Hash of the rows' own settings."""
    voices: Mapping[str, str]
    """Fingerprints of the voices, by folder; "" is the voice that comes with the package."""

    @classmethod
    def read(cls, folder: Path) -> State | None:
        """The state in a folder; None if no job was started there. Raises `DataError` for a damaged state."""
        path = folder / NAME
        if not path.is_file():
            return None
        try:
            fields = json.loads(path.read_bytes())
            if {name: fields.pop(name) for name in _FORMAT} != _FORMAT:
                raise ValueError("its version is another")
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path}: is not the state of a job of this version ({error}); choose another output folder"
            ) from error

    def write(self, folder: Path) -> None:
        """Writes the state."""
        with replacing(folder / NAME) as partial:
            partial.write_text(
                json.dumps(_FORMAT | asdict(self), ensure_ascii=False, indent=1) + "\n", "utf-8"
            )

    def differences(self, now: State) -> list[str]:
        """A description of what changed."""
        found = [
            f"{name} was {self.settings.get(name)} and is {value}"
            for name, value in now.settings.items()
            if self.settings.get(name) != value
        ]
        if self.corpus != now.corpus:
            found.append(f"the corpus changed ({self.rows} rows then, {now.rows} now)")
        elif self.columns != now.columns and not found:
            found.append("settings in columns of the corpus changed")
        for voice in self.voices.keys() & now.voices.keys():
            if self.voices[voice] != now.voices[voice]:
                found.append(f"{f'voice {voice}' if voice else 'the default voice'} changed, or Kalakan did")
        return found


def state_of(settings: JobSettings, rows: Sequence[Row], voices: Mapping[str, str]) -> State:
    """The state of a job whose rows use these voices, given with their fingerprints."""
    defaults = {**asdict(settings.options), "voice": settings.voice, "format": settings.format}
    sharded = settings.shard_rows if settings.layout == "webdataset" else None
    return State(
        layout={"layout": settings.layout, "shard_rows": sharded},
        settings=defaults | asdict(settings.storage),
        rows=len(rows),
        corpus=_hash([row.name, row.text, row.chapter] for row in rows),
        columns=_hash([row.changes(), row.voice, row.format] for row in rows),
        voices=voices,
    )


def _hash(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
