"""Audio file formats, with their sample rates and bit depths."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Literal

from kalakan.errors import AudioError

Bits = Literal[16, 24, "float"]
"""Sample format: a 16- or 24-bit integer, or a 32-bit float."""
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Sample rates in Hz that audio can be written at: those of MPEG layer III, telephones to studios."""
MOST_HZ = 768_000
"""Highest sample rate in Hz that any audio may have: the limit of converters."""
_PCM: Mapping[Bits, str] = {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class Format:
    """A kind of audio file."""

    name: str
    """Its name, which is also its suffix."""
    container: str
    """libsndfile's name of it."""
    subtypes: Mapping[Bits, str]
    """libsndfile's names of the sample formats; the first is the default. Empty for a lossy format."""
    lossy: str | None = None
    """libsndfile's name of the codec of a lossy format."""
    rates: tuple[int, ...] | None = None
    """Sample rates in Hz that it can hold; None for any."""


FORMATS = {
    item.name: item
    for item in (
        Format("wav", "WAV", _PCM),
        Format("flac", "FLAC", {16: "PCM_16", 24: "PCM_24"}),
        Format("ogg", "OGG", {}, "VORBIS"),
        Format("opus", "OGG", {}, "OPUS", (8000, 12000, 16000, 24000, 48000)),
        Format("mp3", "MP3", {}, "MPEG_LAYER_III", RATES),
        Format("pcm", "RAW", _PCM),
    )
}
"""Every format by its name. `pcm` is samples without a header, little-endian."""
_NAMES = "wav, flac, ogg, opus, mp3 or pcm"
_OTHER_NAMES = {"wave": "wav", "oga": "ogg", "raw": "pcm"}


@dataclass(frozen=True)
class Coding:
    """How one recording is stored; `choose_coding` checks and completes it."""

    format: Format
    source_rate: int
    """Sample rate in Hz of the input."""
    rate: int
    """Sample rate in Hz of the file."""
    subtype: str
    """libsndfile's name of the sample format."""


def choose_coding(
    sample_rate: int, format: Format, rate: int | None = None, bits: Bits | None = None
) -> Coding:
    """How audio at `sample_rate` Hz is stored.

    `rate` is the file's sample rate, one of `RATES`; None keeps the audio's own, or takes the next higher that the
    format can hold. `bits` is the sample format; None is 16 bits. Raises `AudioError` for what the format cannot hold.
    """
    for name, value in (("sample_rate", sample_rate), ("rate", rate)):
        if (value is not None or name == "sample_rate") and (
            not isinstance(value, Integral) or isinstance(value, bool)
        ):
            raise AudioError(f"{name} is {value!r}; it must be a whole number of Hz")
    if not 1 <= sample_rate <= MOST_HZ:
        raise AudioError(f"sample_rate is {sample_rate}; it must be at least 1 and at most {MOST_HZ}")
    return Coding(format, sample_rate, _rate(sample_rate, format, rate), _subtype(format, bits))


def format_named(name: str) -> Format:
    """The format of a name such as "wav" or "FLAC"; raises `AudioError` that lists the names."""
    known = _known(name) if isinstance(name, str) else None
    if known is None:
        raise AudioError(f"{name} is not an audio format; use {_NAMES}")
    return known


def format_of(path: Path) -> Format:
    """The format that a path's suffix names; raises `AudioError` if it names none."""
    known = _known(path.suffix.removeprefix("."))
    if known is None:
        raise AudioError(
            f"{path} has no known audio suffix; use .wav, .flac, .ogg, .opus, .mp3 or .pcm, or give the format"
        )
    return known


def _known(name: str) -> Format | None:
    name = name.lower()
    return FORMATS.get(_OTHER_NAMES.get(name, name))


def _rate(sample_rate: int, format: Format, rate: int | None) -> int:
    if rate is None:
        if format.rates is None or sample_rate in format.rates:
            return sample_rate
        return next((item for item in format.rates if item > sample_rate), format.rates[-1])
    if rate == sample_rate and format.rates is None:
        return rate
    allowed = format.rates or RATES
    if rate not in allowed:
        raise AudioError(f"the sample rate is {rate} Hz; {format.name} takes {_listed(allowed)} Hz")
    return rate


def _subtype(format: Format, bits: Bits | None) -> str:
    if format.lossy is not None:
        if bits is not None:
            raise AudioError(
                f"{format.name} has no sample size, and bits is {bits}; leave it out, or write wav"
            )
        return format.lossy
    chosen = next(iter(format.subtypes)) if bits is None else bits
    if not isinstance(chosen, Hashable) or chosen not in format.subtypes:
        raise AudioError(f"bits is {bits!r}; {format.name} takes {_listed(tuple(format.subtypes))}")
    return format.subtypes[chosen]


def _listed(items: tuple[int | str, ...]) -> str:
    *others, last = map(str, items)
    return f"{', '.join(others)} or {last}" if others else last
