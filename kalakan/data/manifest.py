"""What a dataset folder holds: one `Utterance` per recording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import DataError

LABEL_SAMPLES = 600
"""Samples of one duration label (25 ms at 24 kHz) in a corpus that gives durations."""
F0_SAMPLES = 300
"""Samples of one F0 label at the corpus's sample rate."""
TEST_REMAINDER = 7
"""An utterance whose number leaves this when divided by 20 belongs to the test split."""
_KEYS = ("id", "speaker", "text", "units", "tones", "frames", "lead", "tail", "samples", "f0")


@dataclass(frozen=True)
class Utterance:
    """One recording with its exact labels."""

    id: str
    """File stem, unique in the dataset."""
    speaker: str
    """Who speaks."""
    text: str
    """The sentence as written."""
    audio: Path
    """The recording."""
    units: tuple[str, ...]
    """Phoneme and pause symbols in order, without tone units."""
    tones: tuple[int, ...]
    """Tone of each unit: 0 none, 1 high, 2 low, 3 downstepped high."""
    frames: tuple[int, ...]
    """Duration of each unit in `LABEL_SAMPLES`."""
    lead: float
    """Silence before the first unit in `LABEL_SAMPLES`."""
    samples: int
    """Length of the recording."""
    f0: NDArray[np.float32]
    """Fundamental frequency in Hz every `F0_SAMPLES`, 0 where unvoiced."""

    @property
    def number(self) -> int:
        """The digits at the end of the id; decides the split."""
        digits = self.id.rsplit("_", 1)[-1]
        return int(digits) if digits.isdigit() else 0

    @property
    def is_test(self) -> bool:
        """True for the test split, which no training may read."""
        return self.number % 20 == TEST_REMAINDER


def read_manifest(folder: str | Path) -> list[Utterance]:
    """All utterances of a dataset folder with `meta.jsonl` and `audio/`, in file order.

    Raises `DataError` for a missing or empty folder, a line that is no JSON object, a missing key, labels of
    different lengths, a duplicate id, or a recording that is not there.
    """
    folder = Path(folder)
    path = folder / "meta.jsonl"
    if not path.is_file():
        raise DataError(f"{folder}: holds no meta.jsonl; give the folder of a corpus with labelled durations")
    utterances = list(_read_lines(path))
    if not utterances:
        raise DataError(f"{path}: holds no utterance")
    seen: set[str] = set()
    for utterance in utterances:
        if utterance.id in seen:
            raise DataError(f"{path}: id {utterance.id!r} stands there twice")
        seen.add(utterance.id)
    return utterances


def _read_lines(path: Path) -> Iterator[Utterance]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: is not valid JSON ({error})") from error
            yield _utterance(record, path, number)


def _utterance(record: Any, path: Path, number: int) -> Utterance:
    if not isinstance(record, dict):
        raise DataError(f"{path}:{number}: holds {type(record).__name__}; it must be a JSON object")
    missing = [key for key in _KEYS if key not in record]
    if missing:
        raise DataError(f"{path}:{number}: lacks {', '.join(missing)}")
    sizes = {key: len(record[key]) for key in ("units", "tones", "frames")}
    if len(set(sizes.values())) != 1:
        raise DataError(f"{path}:{number}: units, tones and frames differ in length: {sizes}")
    audio = path.parent / "audio" / f"{record['id']}.ogg"
    if not audio.is_file():
        raise DataError(f"{path}:{number}: the recording audio/{audio.name} is not there")
    return Utterance(
        id=record["id"],
        speaker=record["speaker"],
        text=record["text"],
        audio=audio,
        units=tuple(record["units"]),
        tones=tuple(record["tones"]),
        frames=tuple(record["frames"]),
        lead=float(record["lead"]),
        samples=int(record["samples"]),
        f0=np.asarray(record["f0"], dtype=np.float32),
    )
