"""One recording and its transcript, from source to corpus; what was found is kept in a file of its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.audio.files import read_audio, write_audio
from kalakan.data.preparation.layouts import Recording
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import FATAL_KINDS, Problem
from kalakan.data.preparation.sound import Sound, prepare_sound
from kalakan.data.preparation.transcripts import Transcript, read_transcript
from kalakan.errors import AudioError
from kalakan.storage import replacing
from kalakan.text.twi_g2p import TwiG2P

IMPOSSIBLE_RATE = (2.5, 30.0)
"""Sounds a second outside of which nobody speaks."""
_VERSION = 1


@dataclass(frozen=True)
class Item:
    """What is known about one recording after it was prepared."""

    id: str
    speaker: str
    source: str
    """Path of the source audio."""
    text: str
    """Repaired transcript."""
    units: tuple[str, ...]
    """Phoneme units of the transcript."""
    samples: int
    """Length in the corpus; 0 if no audio was written."""
    source_seconds: float
    trimmed: tuple[float, float]
    loudness: float
    gain_db: float
    clipped: float
    audio_hash: str
    rate: float
    """Sounds a second, pauses at the ends left out; 0 where unknown."""
    letters: int
    open_vowels: int
    repairs: tuple[str, ...]
    problems: tuple[Problem, ...]

    def is_kept(self, keep: tuple[str, ...]) -> bool:
        """True if no problem leaves it out."""
        return not any(problem.kind in FATAL_KINDS and problem.kind not in keep for problem in self.problems)


class Preparer:
    """Makes items in `folder`: `audio/<id>.flac` and `items/<id>.json`. Picklable; one for each process."""

    def __init__(self, folder: Path, options: PrepareOptions) -> None:
        self.folder, self.options = folder, options
        self._reader = TwiG2P()

    def __call__(self, recording: Recording) -> tuple[Item, bool]:
        """The item, and whether it was found ready; a damaged recording is an item with its problems."""
        path = self.folder / "items" / f"{recording.id}.json"
        key = self._key(recording)
        found = _read_item(path, key)
        if found is not None and (not found.samples or self._audio(recording.id).is_file()):
            return found, True
        item = self._make(recording)
        with replacing(path) as partial:
            partial.write_text(json.dumps({"key": key, **asdict(item)}, ensure_ascii=False), encoding="utf-8")
        return item, False

    def _make(self, recording: Recording) -> Item:
        transcript = self._transcript(recording)
        problems = list(transcript.problems) if isinstance(transcript, Transcript) else [transcript]
        sound = self._sound(recording)
        problems += list(sound.problems) if isinstance(sound, Sound) else [sound]
        known = transcript if isinstance(transcript, Transcript) else Transcript("", (), 0, 0, (), ())
        heard = sound if isinstance(sound, Sound) else _NO_SOUND
        rate = self._rate(known, heard)
        if rate and not IMPOSSIBLE_RATE[0] <= rate <= IMPOSSIBLE_RATE[1]:
            problems.append(Problem("impossible_rate", f"{rate:.1f} sounds a second"))
        if len(heard.samples):
            write_audio(self._audio(recording.id), heard.samples, self.options.sample_rate)
        return Item(
            id=recording.id,
            speaker=recording.speaker,
            source=str(recording.audio),
            text=known.text,
            units=known.units,
            samples=len(heard.samples),
            source_seconds=heard.source_seconds,
            trimmed=heard.trimmed,
            loudness=max(heard.loudness, -120.0),
            gain_db=heard.gain_db,
            clipped=heard.clipped,
            audio_hash=heard.audio_hash,
            rate=rate,
            letters=known.letters,
            open_vowels=known.open_vowels,
            repairs=known.repairs,
            problems=tuple(problems),
        )

    def _transcript(self, recording: Recording) -> Transcript | Problem:
        text = recording.text
        if recording.text_file is not None:
            try:
                text = recording.text_file.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                return Problem("unreadable_text", f"{recording.text_file.name}: {error}")
        return read_transcript(" ".join((text or "").split()), self._reader)

    def _sound(self, recording: Recording) -> Sound | Problem:
        if not recording.audio.is_file():
            return Problem("missing_audio", recording.audio.name)
        try:
            audio, rate = read_audio(recording.audio)
        except AudioError as error:
            return Problem("unreadable_audio", str(error))
        if not np.isfinite(audio).all():
            return Problem("unreadable_audio", "it has NaN or infinity")
        return prepare_sound(audio, rate, self.options)

    def _rate(self, transcript: Transcript, sound: Sound) -> float:
        speech = len(sound.samples) / self.options.sample_rate - 2 * self.options.margin_ms / 1000
        return transcript.sounds / speech if speech > 0 and transcript.sounds else 0.0

    def _audio(self, name: str) -> Path:
        return self.folder / "audio" / f"{name}.flac"

    def _key(self, recording: Recording) -> str:
        """Changes when the source, the transcript, a setting or this code does."""
        parts: list[Any] = [_VERSION, self.options.sound_hash(), recording.speaker, recording.text]
        for path in (recording.audio, recording.text_file):
            if path is not None and path.is_file():
                stat = path.stat()
                parts += [str(path), stat.st_size, stat.st_mtime_ns]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:16]


_NO_SOUND = Sound(np.zeros(0, np.float32), "", 0.0, -120.0, 0.0, 0.0, (0.0, 0.0), ())


def _read_item(path: Path, key: str) -> Item | None:
    """An item of an earlier run, if it was made from the same things."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("key") != key:
            return None
        lists = {name: tuple(record[name]) for name in ("units", "trimmed", "repairs")}
        problems = tuple(Problem(**problem) for problem in record["problems"])
        return Item(**{**record, **lists, "problems": problems})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or of a run that was killed: it is made again
