"""The model facts in the metadata of a single ONNX file; a voice has them in voice.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kalakan.config.resolve import from_dict, to_dict
from kalakan.config.rules import check_speakers
from kalakan.config.schema import AudioConfig
from kalakan.errors import ConfigError, VoiceError
from kalakan.text.phonemes import TABLE_HASH

_SPEAKERS, _AUDIO, _TABLE = "speakers", "audio", "phoneme_table"


@dataclass(frozen=True)
class Identity:
    """Facts needed to run an exported model by itself; None for facts that its file lacks."""

    audio: AudioConfig | None = None
    """Waveform and mel settings."""
    speakers: tuple[str, ...] | None = None
    """Speakers of an acoustic model in the order of their rows."""


def to_metadata(audio: AudioConfig, speakers: Sequence[str] | None = None) -> dict[str, str]:
    """The metadata of a file; with `speakers`, those of an acoustic model, also the hash of the phoneme table."""
    told = {_AUDIO: json.dumps(to_dict(audio))}
    if speakers is not None:
        told |= {_SPEAKERS: json.dumps(list(speakers), ensure_ascii=False), _TABLE: TABLE_HASH}
    return told


def from_metadata(told: Mapping[str, str], path: Path) -> Identity:
    """The facts in the metadata of the file `path`.

    Raises `VoiceError` for another phoneme table than this version's, and for invalid facts.
    """
    if told.get(_TABLE, TABLE_HASH) != TABLE_HASH:
        raise VoiceError(
            f"{path}: was trained on another phoneme table than this Kalakan has; use the version it was made with"
        )
    try:
        audio = from_dict(AudioConfig, json.loads(told[_AUDIO])) if _AUDIO in told else None
        return Identity(audio, _speakers(told[_SPEAKERS]) if _SPEAKERS in told else None)
    except (ValueError, RecursionError, ConfigError) as error:
        raise VoiceError(f"{path}: is damaged, its metadata do not tell what it is ({error})") from error


def _speakers(text: str) -> tuple[str, ...]:
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"speakers is {text[:80]}; it must be a list of names")
    check_speakers(tuple(names))
    return tuple(names)
