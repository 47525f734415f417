"""Writes the audio of a row atomically."""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import write_audio
from kalakan.audio.formats import choose_coding, format_named
from kalakan.audio.level import at_loudness
from kalakan.audio.ogg import with_fixed_serial
from kalakan.audio.resample import Resampler
from kalakan.data.phone_errors import Ear
from kalakan.errors import MissingDependencyError, how_to_install
from kalakan.jobs.measure import heard, measured
from kalakan.jobs.record import Record, record_of
from kalakan.jobs.row import Row
from kalakan.jobs.settings import Storage
from kalakan.storage import replacing
from kalakan.synthesis.speech import Speech
from kalakan.synthesis.subtitles import format_subtitles
from kalakan.synthesis.timing import Timing
from kalakan.text.phonemes import TONE_IDS, id_to_symbol

TIMING_SUFFIX = ".timing.json"
_TONES = "".join(id_to_symbol(row) for row in sorted(TONE_IDS))


class RowWriter:
    """Writes files into one folder. Thread-safe."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder = folder
        self._storage = storage
        self._ear = None if storage.recognizer is None else _load_ear(storage.recognizer)

    def write(
        self, row: Row, speech: Speech | Any, sample_rate: int, speaker: str | None, key: str
    ) -> Record:
        """Writes the audio [S] of a row, or its speech with its times, and returns its record.

        The same row always has the same bytes. Raises `AudioError` for a rate or bits that its format does not support,
        and `OSError` for an unwritable path.
        """
        audio = speech.audio if isinstance(speech, Speech) else speech
        coding = choose_coding(
            sample_rate, format_named(row.format), self._storage.rate, self._bits_of(row.format)
        )
        samples = self._finished(audio, sample_rate, coding.rate)
        buffer = io.BytesIO()
        write_audio(buffer, samples, coding.rate, row.format, bits=self._bits_of(row.format))
        content = buffer.getvalue()
        if coding.format.container == "OGG":
            content = with_fixed_serial(content)
        facts = measured(samples, coding.rate, row.text)
        timing_hash = None
        if self._ear is not None and isinstance(speech, Speech):
            facts = heard(facts, self._ear.compare(as_array(audio), sample_rate, _units(speech.timing)))
        if self._storage.timing and isinstance(speech, Speech):
            timing = format_subtitles(speech.timing, row.text, "json").encode()
            timing_hash = _write(self._folder / f"{row.name}{TIMING_SUFFIX}", timing)
        return record_of(
            row,
            speaker,
            key,
            measured=facts,
            sha256=_write(self._folder / row.file, content),
            timing_sha256=timing_hash,
        )

    def _finished(self, audio: Any, sample_rate: int, rate: int) -> NDArray[np.float32]:
        """Audio at the rate and loudness of its file."""
        samples = as_array(audio)
        if rate != sample_rate:
            resampler = Resampler(sample_rate, rate)
            samples = np.concatenate([resampler.push(samples), resampler.flush()]).clip(-1.0, 1.0)
        if self._storage.loudness is not None:
            samples = at_loudness(samples, rate, self._storage.loudness)
        return samples

    def _bits_of(self, format: str) -> Any:
        """The bits for a format; None for lossy formats, regardless of the job's bits."""
        return None if format_named(format).lossy is not None else self._storage.bits


def as_array(audio: Any) -> NDArray[np.float32]:
    """Audio of either engine as an array [S]."""
    return np.asarray(audio.detach().cpu() if hasattr(audio, "detach") else audio, np.float32)


def _load_ear(path: str) -> Ear:
    """The recognizer in a file; only this needs torch."""
    if find_spec("torch") is None:
        raise MissingDependencyError(f"a recognizer needs torch; {how_to_install('train')}")
    from kalakan.recognition import PhoneRecognizer

    return PhoneRecognizer(path)


def _units(timing: Timing) -> list[str]:
    """The sounds and marks of a timing, without tones."""
    phones = (phone for sentence in timing.sentences for part in sentence.segments for phone in part.phones)
    return [phone.symbol.rstrip(_TONES) for phone in phones]


def is_whole(path: Path, sha256: str | None) -> bool:
    """Whether a file exists and its content matches the hash."""
    try:
        return sha256 is not None and _hash(path.read_bytes()) == sha256
    except OSError:
        return False


def _write(path: Path, content: bytes) -> str:
    with replacing(path) as partial:
        partial.write_bytes(content)
    return _hash(content)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
