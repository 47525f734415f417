"""`voice.json`: the manifest of a voice, validated before anything else of it is read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kalakan.config.resolve import from_dict, to_dict
from kalakan.config.rules import shown
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.voices.corrections import Corrections, Curve, check_levels, from_record

MANIFEST = "voice.json"
"""Name of the manifest in a voice folder."""
TONES = ("predicted", "written")
UNDECLARED_LICENSE = "LicenseRef-undeclared"
"""License of a voice until one is declared."""
FORMAT_VERSION = 1
"""Newest format of a voice folder that this version reads and writes."""


@dataclass(frozen=True)
class ModelRecord:
    """One model of a voice."""

    type: str
    """Name in `kalakan.models.registry`."""
    config: dict[str, Any] = field(default_factory=dict)
    """The model's configuration, complete."""


@dataclass(frozen=True)
class VoiceManifest:
    """Contents of `voice.json`."""

    name: str
    """Name of the voice."""
    version: str
    """Version of its weights."""
    speakers: tuple[str, ...]
    """Speakers in the order of their rows; the first is the default."""
    audio: AudioConfig
    """Waveform and mel settings it was trained with."""
    acoustic: ModelRecord
    """Phonemes to mel."""
    vocoder: ModelRecord
    """Mel to waveform."""
    phoneme_table: str
    """Hash of the phoneme table that its ids are rows of."""
    license: str
    """License of the weights (SPDX)."""
    language: str = "tw"
    """ISO 639-1 code."""
    dialect: str = "asante"
    """Variety of the language."""
    tones: str = "written"
    """Default source of tones for unmarked words: "predicted" for a voice trained with tones, "written" for one whose
    tone units are untrained."""
    levels: dict[str, dict[str, Curve]] = field(default_factory=dict)
    """Gains that keep a speaker's level constant: see `kalakan.voices.corrections.Levels`."""
    corrections: Corrections = field(default_factory=Corrections)
    """Corrections of its prosody."""
    training: dict[str, Any] = field(default_factory=dict)
    """Steps and scores of the weights."""
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of every other file, by name."""
    format_version: int = FORMAT_VERSION
    """Format of the folder."""

    @property
    def sample_rate(self) -> int:
        """Sample rate of the voice's audio in Hz."""
        return self.audio.sample_rate

    def to_json(self) -> str:
        """The text of `voice.json`."""
        record = asdict(self) | {"audio": to_dict(self.audio), "speakers": list(self.speakers)}
        return json.dumps(record, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_file(cls, path: Path) -> VoiceManifest:
        """Reads `voice.json`; raises `VoiceError` naming what is missing or wrong."""
        if path.exists() and not path.is_file():  # reading a pipe would block
            raise VoiceError(f"{path}: is no plain file; export or install the voice again")
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise VoiceError(f"{path}: is not there; a voice is a folder with a voice.json in it") from error
        except OSError as error:
            raise VoiceError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise VoiceError(
                f"{path}: is damaged, it is not valid JSON; export or install the voice again"
            ) from error
        return cls.from_text(text, path)

    @classmethod
    def from_text(cls, text: str, path: Path) -> VoiceManifest:
        """The manifest of a text in `path`; raises `VoiceError` as `from_file`."""
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise VoiceError(
                f"{path}: is damaged, it is not valid JSON; export or install the voice again"
            ) from error
        if not isinstance(record, dict):
            raise VoiceError(
                f"{path}: is damaged, it holds no JSON object; export or install the voice again"
            )
        version = record.get("format_version")
        if type(version) is not int or version != FORMAT_VERSION:
            raise VoiceError(
                f"{path}: has format version {shown(version)} and this Kalakan reads {FORMAT_VERSION}; upgrade Kalakan"
            )
        return cls._from_record(record, path)

    @classmethod
    def _from_record(cls, record: dict[str, Any], path: Path) -> VoiceManifest:
        try:
            _check_record(record)
            return cls(
                **record
                | {
                    "speakers": tuple(record["speakers"]),
                    "audio": from_dict(AudioConfig, record["audio"]),
                    "acoustic": ModelRecord(**record["acoustic"]),
                    "vocoder": ModelRecord(**record["vocoder"]),
                    "corrections": from_record(record.get("corrections", {})),
                }
            )
        except KeyError as error:
            raise VoiceError(f"{path}: is damaged, it has no {error.args[0]}") from error
        except (TypeError, ValueError, RecursionError, ConfigError) as error:
            raise VoiceError(f"{path}: is damaged ({error})") from error


_TEXTS = ("name", "version", "phoneme_table", "license", "language", "dialect")
_MAPPINGS = ("audio", "acoustic", "vocoder", "training", "files")


def _check_record(record: dict[str, Any]) -> None:
    """Raises `ValueError` for a field of `voice.json` that is not of its type, or an invalid name."""
    for name in _TEXTS:
        if name in record and not _is_name(record[name]):
            raise ValueError(f"{name} is {shown(record[name])}; it must be text of one line")
    if record.get("tones", "written") not in TONES:
        raise ValueError(f"tones is {shown(record['tones'])}; it must be one of {', '.join(TONES)}")
    for name in _MAPPINGS:
        if name in record and not isinstance(record[name], dict):
            raise ValueError(f"{name} is {shown(record[name])}; it must be an object")
    speakers = record["speakers"]
    if not isinstance(speakers, list) or not speakers or not all(map(_is_name, speakers)):
        raise ValueError(f"speakers is {shown(speakers)}; it must be a list of names")
    if len(set(speakers)) < len(speakers):
        raise ValueError(f"speakers is {shown(speakers)}; names must differ")
    check_levels(record.get("levels", {}), speakers)
    for name in ("acoustic", "vocoder"):
        kind, config = record[name].get("type"), record[name].get("config", {})
        if not _is_name(kind) or not isinstance(config, dict):
            raise ValueError(f"{name} is {shown(record[name])}; it must have a type and a config")
    for name, digest in record["files"].items():
        if not _is_name(name) or not isinstance(digest, str):
            raise ValueError(f"files has {shown(name)}: {shown(digest)}; it must be a file's name and sha256")


def _is_name(value: Any) -> bool:
    """Whether a value is text that can be printed: an escape sequence would control the terminal it is shown on."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())
