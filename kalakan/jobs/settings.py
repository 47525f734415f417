"""The settings of a corpus job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kalakan.audio.formats import Bits, format_named
from kalakan.audio.level import check_loudness
from kalakan.errors import ConfigError
from kalakan.synthesis.options import SpeakOptions, is_whole
from kalakan.synthesis.synthesizer import Synthesizer

Layout = Literal["files", "ljspeech", "webdataset"]
LAYOUTS: tuple[Layout, ...] = ("files", "ljspeech", "webdataset")
MOST_WORKERS = 1024
MOST_SHARD_ROWS = 1_000_000


@dataclass(frozen=True)
class VoiceSettings:
    """How the voices of a job are loaded; sent to other processes and machines."""

    engine: str = "auto"
    """As for `Synthesizer`."""
    device: str = "cpu"
    """As for `Synthesizer`."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """As for `Synthesizer`."""
    lexicon: str | None = None
    """As for `Synthesizer`: a file."""
    folder: str = ""
    """Base of relative paths; "" is the current folder."""

    def load(self, voice: str | None) -> Synthesizer:
        """The synthesizer of a voice folder; None is the voice that comes with the package."""
        return Synthesizer(
            None if voice is None else Path(self.folder, voice),
            engine=self.engine,
            device=self.device,
            config=dict(self.config),
            lexicon=None if self.lexicon is None else Path(self.folder, self.lexicon),
        )


@dataclass(frozen=True)
class Storage:
    """How the audio of each row is stored."""

    rate: int | None = None
    """Sample rate in Hz; None for the voice's."""
    bits: Bits | None = None
    """Sample format; None for the format's default."""
    loudness: float | None = None
    """Integrated loudness in LUFS; None leaves the voice's level."""
    timing: bool = False
    """Whether the times of words and sounds are stored with each audio file."""
    recognizer: str | None = None
    """A `recognizer.pt` to detect skipped and repeated words, or None."""


@dataclass(frozen=True)
class JobSettings:
    """A corpus job. Raises `ConfigError` or `AudioError` for values that are out of range or contradict each other."""

    corpus: Path
    """The corpus: .txt, .csv, .tsv, .jsonl, .epub, .docx or .pdf."""
    output: Path
    """Folder of the audio files; created if it does not exist."""
    options: SpeakOptions = field(default_factory=SpeakOptions)
    """Settings for rows without their own."""
    voice: str | None = None
    """Voice folder for rows that name none; None for the voice that comes with the package."""
    voices: VoiceSettings = field(default_factory=VoiceSettings)
    """How voices are loaded."""
    format: str = "wav"
    """Audio format for rows that name none."""
    storage: Storage = field(default_factory=Storage)
    """How audio is stored."""
    workers: int | None = None
    """Number of threads, or of processes with Ray; None for the number of cores."""
    layout: Layout = "files"
    """Layout of the files: "files", "ljspeech" or "webdataset"."""
    shard_rows: int = 1000
    """Number of rows per shard in the layout "webdataset"."""
    join: Path | None = None
    """Path of an audio file that joins all rows, or None."""
    subtitles: tuple[Path, ...] = ()
    """Subtitles of the joined file."""
    redo_changed: bool = False
    """Whether to synthesize rows again if their text, settings or voice changed."""

    def __post_init__(self) -> None:
        check_loudness(self.storage.loudness)
        object.__setattr__(self, "format", format_named(self.format).name)
        for name, value, most in (
            ("workers", self.workers, MOST_WORKERS),
            ("shard_rows", self.shard_rows, MOST_SHARD_ROWS),
        ):
            if value is not None and (not is_whole(value) or not 1 <= value <= most):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number from 1 to {most}")
        if self.layout not in LAYOUTS:
            raise ConfigError(f"layout is {self.layout!r}; choose {', '.join(LAYOUTS)}")
        if self.subtitles and self.join is None:
            raise ConfigError("subtitles are those of the joined file; name it too")
        if self.join is not None and self.layout == "webdataset":
            raise ConfigError(
                "the rows of the layout webdataset lie in shards and cannot be joined; choose files"
            )
