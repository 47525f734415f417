"""Prepares one recording and its transcript; the findings are stored in one file per item."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.audio.files import write_audio
from kalakan.data.preparation.derived import forget_features
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import FATAL_KINDS, Problem
from kalakan.data.preparation.recording import Recording
from kalakan.data.preparation.sound import Samples, Sound, prepare_sound
from kalakan.data.preparation.sound_files import (
    header_problems,
    is_foreign,
    quiet_decoder,
    rate_problems,
    read_stretch,
)
from kalakan.data.preparation.source_files import is_file
from kalakan.data.preparation.transcripts import Transcript, read_transcript
from kalakan.data.text_files import read_text
from kalakan.errors import AudioError, DataError
from kalakan.storage import replacing
from kalakan.text.phonemes import PAUSE_IDS, symbol_to_id
from kalakan.text.twi_g2p import TwiG2P

IMPOSSIBLE_RATE = (2.5, 30.0)
"""Sounds per second: the range of human speech."""
_VERSION = 4


@dataclass(frozen=True)
class Item:
    """Data about one prepared recording."""

    id: str
    speaker: str
    source: str
    """Path of the source audio."""
    original: str
    """Original transcript."""
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
    """Sounds per second, without pauses at the ends; 0 if unknown."""
    letters: int
    open_vowels: int
    repairs: tuple[str, ...]
    problems: tuple[Problem, ...]

    def is_kept(self, keep: tuple[str, ...], leave_out: tuple[str, ...] = ()) -> bool:
        """True if no problem excludes it."""
        return self.left_out_by(keep, leave_out) is None

    def left_out_by(self, keep: tuple[str, ...], leave_out: tuple[str, ...]) -> str | None:
        """The first problem that excludes it; None if none does."""
        kinds = (problem.kind for problem in self.problems)
        return next(
            (kind for kind in kinds if kind in leave_out or (kind in FATAL_KINDS and kind not in keep)), None
        )


class Preparer:
    """Writes items to `folder`: `audio/<id>.flac` and `items/<id>.json`. Picklable; one per process."""

    def __init__(self, folder: Path, options: PrepareOptions) -> None:
        self.folder, self.options = folder, options
        self._reader = TwiG2P(tones="written")  # a recording has the tones of its speaker

    def __call__(self, recording: Recording) -> tuple[Item, bool]:
        """The item, and whether it was reused; a damaged recording yields an item with its problems."""
        path = self.folder / "items" / f"{recording.id}.json"
        key = self._key(recording)
        found = _read_item(path, key)
        if found is not None and (not found.samples or self._audio(recording.id).is_file()):
            return found, True
        forget_features(self.folder, recording.id)
        try:
            item, samples = self._make(recording)
        except Exception as error:  # one item must not abort a run of thousands
            item, samples = _unexpected(recording, error), _NO_SOUND.samples
        if len(samples):
            write_audio(self._audio(recording.id), samples, self.options.sample_rate)
        with replacing(path) as partial:
            text = json.dumps({"key": key, **asdict(item)}, ensure_ascii=False)
            partial.write_text(text, encoding="utf-8", errors="replace")  # a file name may not be UTF-8
        return item, False

    def _make(self, recording: Recording) -> tuple[Item, Samples]:
        """The item, and its audio [S] as stored in the corpus; empty for an item without audio."""
        original, problems = _original(recording)
        known = _NO_TEXT if problems else read_transcript(original, self._reader)
        problems += known.problems
        heard, faults = self._sound(recording)
        problems += faults
        if len(heard.samples) and (pause := _unwritten_pauses(heard, known)):
            problems.append(pause)
        rate = self._rate(known, heard)
        if rate and not IMPOSSIBLE_RATE[0] <= rate <= IMPOSSIBLE_RATE[1]:
            low, high = IMPOSSIBLE_RATE
            problems.append(
                Problem("impossible_rate", f"{rate:.1f} sounds a second; people say {low:g} to {high:g}")
            )
        item = Item(
            id=recording.id,
            speaker=recording.speaker,
            source=str(recording.audio),
            original=original,
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
        return item, heard.samples

    def _sound(self, recording: Recording) -> tuple[Sound, list[Problem]]:
        """The sound and its problems; without samples if no audio is usable."""
        if recording.fault is not None:
            return _NO_SOUND, []
        if not is_file(recording.audio):
            return _NO_SOUND, [Problem("missing_audio", recording.audio.name)]
        problems = header_problems(recording.audio, self.options, is_whole=recording.stretch is None)
        if any(problem.kind in ("unreadable_audio", "too_long") for problem in problems):
            return _NO_SOUND, problems
        try:
            with quiet_decoder():
                audio, rate = read_stretch(recording.audio, recording.stretch, self.options)
        except AudioError as error:
            reason = str(error).replace(str(recording.audio), recording.audio.name)
            return _NO_SOUND, [Problem("unreadable_audio", reason)]
        if is_foreign(recording.audio):
            problems += rate_problems(rate, self.options)
        if not len(audio):
            return _NO_SOUND, [Problem("unreadable_audio", "it holds no samples")]
        if not np.isfinite(audio).all():
            return _NO_SOUND, [Problem("unreadable_audio", "it has NaN or infinity")]
        sound = prepare_sound(audio, rate, self.options)
        return sound, [*problems, *sound.problems]

    def _rate(self, transcript: Transcript, sound: Sound) -> float:
        speech = len(sound.samples) / self.options.sample_rate - 2 * self.options.margin_ms / 1000
        return transcript.sounds / speech if speech > 0 and transcript.sounds else 0.0

    def _audio(self, name: str) -> Path:
        return self.folder / "audio" / f"{name}.flac"

    def _key(self, recording: Recording) -> str:
        """Cache key: changes with the source, the transcript, a setting or this code."""
        parts: list[Any] = [_VERSION, self.options.sound_hash(), recording.speaker, recording.text]
        parts += [recording.fault, recording.stretch]
        for path in (recording.audio, recording.text_file):
            if path is not None and is_file(path):
                stat = path.stat()
                parts += [str(path), stat.st_size, stat.st_mtime_ns]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _unwritten_pauses(sound: Sound, transcript: Transcript) -> Problem | None:
    """The problem of a recording with more silences inside than its transcript has marks."""
    marks = sum(symbol_to_id(unit) in PAUSE_IDS for unit in transcript.units[:-1])
    if len(sound.pauses) <= marks or not transcript.units:
        return None
    longest = 1000 * max(sound.pauses)
    silences = f"{len(sound.pauses)} silence{'s' if len(sound.pauses) > 1 else ''}"
    return Problem(
        "unwritten_pauses", f"{silences} inside, the longest of {longest:.0f} ms, and marks for {marks}"
    )


def _original(recording: Recording) -> tuple[str, list[Problem]]:
    """The original transcript with normalized white space, and why there is none."""
    if recording.fault is not None:
        return "", [Problem("bad_line", recording.fault)]
    text = recording.text or ""
    if recording.text_file is not None:
        try:
            text = read_text(recording.text_file)
        except DataError as error:
            return "", [Problem("unreadable_text", str(error))]
    plain = " ".join(text.split())
    return plain, [] if plain else [Problem("missing_text", "the transcript is empty")]


_NO_TEXT = Transcript("", (), 0, 0, (), ())
_NO_SOUND = Sound(np.zeros(0, np.float32), "", 0.0, -120.0, 0.0, 0.0, (0.0, 0.0), (), ())


def _unexpected(recording: Recording, error: Exception) -> Item:
    """The item of a recording that raised an unexpected error."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Item(
        id=recording.id,
        speaker=recording.speaker,
        source=str(recording.audio),
        original=recording.text or "",
        text="",
        units=(),
        samples=0,
        source_seconds=0.0,
        trimmed=(0.0, 0.0),
        loudness=-120.0,
        gain_db=0.0,
        clipped=0.0,
        audio_hash="",
        rate=0.0,
        letters=0,
        open_vowels=0,
        repairs=(),
        problems=(Problem("unexpected", reason),),
    )


def _read_item(path: Path, key: str) -> Item | None:
    """An item of an earlier run, if its key matches."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("key") != key:
            return None
        lists = {name: tuple(record[name]) for name in ("units", "trimmed", "repairs")}
        problems = tuple(Problem(**problem) for problem in record["problems"])
        if any(problem.kind == "unexpected" for problem in problems):
            return None  # the cause may be fixed
        return Item(**{**record, **lists, "problems": problems})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, or from a killed run: prepared again
