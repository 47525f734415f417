"""Where a loaded model comes from, so that another synthesizer can use it in the same way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from kalakan.config.schema import AudioConfig
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.synthesis.reading.readers import Reader
from kalakan.voices.manifest import VoiceManifest


@dataclass(frozen=True, eq=False)
class Origin:
    """What a synthesizer knows about a model that it loaded."""

    engine: str
    """The engine whose array type the model takes."""
    audio: AudioConfig
    """The framing of its mel."""
    manifest: VoiceManifest | None
    """The voice of an acoustic model."""
    speakers: tuple[str, ...]
    """Speakers of the acoustic model, in the order of their rows."""
    vocoder: Any
    """The vocoder that was loaded with an acoustic model; None for the origin of a vocoder."""
    text: TextStage
    """The text stage of the synthesizer; its reader, which may have been replaced since, fits the model."""


_ORIGINS: WeakKeyDictionary[Any, Origin] = WeakKeyDictionary()


def remember(model: Any, origin: Origin) -> None:
    """Records the origin of a model; if several synthesizers share a model, the first origin is kept."""
    with suppress(TypeError):  # not hashable, or without weak references
        _ORIGINS.setdefault(model, origin)


def origin_of(model: Any) -> Origin | None:
    """The origin of a model that a synthesizer loaded; None for anything else."""
    try:
        return _ORIGINS.get(model)
    except TypeError:  # not hashable, or without weak references
        return None


def reader_of(model: Any) -> Reader | None:
    """The reader that fits a model loaded by a synthesizer; None for anything else."""
    origin = origin_of(model)
    return None if origin is None else origin.text.reader
