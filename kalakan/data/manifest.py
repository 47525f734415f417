"""What a dataset folder holds: one `Utterance` per recording."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import DataError
from kalakan.text.phonemes import SYMBOLS

LABEL_SAMPLES = 600
"""Samples of one duration label (25 ms at 24 kHz) where a line of the manifest gives no `label_samples`."""
F0_SAMPLES = 300
"""Samples of one F0 label at the corpus's sample rate."""
TEST_REMAINDER = 7
"""Where the manifest gives no split: a number that leaves this when divided by 20 belongs to the test split."""
SPLITS = ("train", "validation", "test")
"""The splits of a corpus."""
Split = str
"""One of `SPLITS`, or "all"."""
_KEYS = ("id", "speaker", "text", "units", "samples")
_TOGETHER = ("frames", "lead")
_KINDS = {"id": str, "speaker": str, "text": str, "split": str, "units": list, "tones": list, "frames": list}
_SUFFIXES = (".ogg", ".flac", ".wav")


@dataclass(frozen=True)
class Utterance:
    """One recording with its labels."""

    id: str
    """File stem, unique in the dataset."""
    speaker: str
    """Who speaks."""
    text: str
    """The sentence as written."""
    audio: Path
    """The recording."""
    units: tuple[str, ...]
    """Phoneme and pause symbols in order; tone units may stand among them, and last no frame."""
    tones: tuple[int, ...]
    """Tone of each unit: 0 none, 1 high, 2 low, 3 downstepped high."""
    frames: tuple[int, ...]
    """Duration of each unit in `label_samples`; empty where nobody has aligned the recording yet."""
    lead: float
    """Silence before the first unit in `label_samples`."""
    samples: int
    """Length of the recording."""
    f0: NDArray[np.float32]
    """Fundamental frequency in Hz every `F0_SAMPLES`, 0 where unvoiced; empty where it is to be heard."""
    split: str = "train"
    """"train", "validation" or "test"."""
    label_samples: int = LABEL_SAMPLES
    """Samples of one duration label."""

    @property
    def is_test(self) -> bool:
        """True for the test split, which no training may read."""
        return self.split == "test"

    @property
    def is_aligned(self) -> bool:
        """True if the durations are known."""
        return bool(self.frames)


def read_manifest(folder: str | Path) -> list[Utterance]:
    """All utterances of a dataset folder with `meta.jsonl` and its recordings, in file order.

    Each line is an object with id, speaker, text, units and samples; `frames` and `lead` (durations), `tones`, `f0`,
    `label_samples`, `split` and `audio` (a path in the folder; default `audio/<id>.ogg`, .flac or .wav) may be there.
    Raises `DataError` for a missing or empty folder, a line that is no JSON object, a missing key, a value of a wrong
    kind, labels of different lengths or longer than the recording, a duplicate id, or a recording that is not there.
    """
    folder = Path(folder)
    path = folder / "meta.jsonl"
    if not path.is_file():
        raise DataError(
            f"{folder}: holds no meta.jsonl; give a corpus folder, as `kalakan prepare` makes one"
        )
    utterances = [_utterance(record, path, number) for number, record in read_records(path)]
    if not utterances:
        raise DataError(f"{path}: holds no utterance")
    seen: set[str] = set()
    for utterance in utterances:
        if utterance.id in seen:
            raise DataError(f"{path}: id {utterance.id!r} stands there twice")
        seen.add(utterance.id)
    return utterances


def in_split(utterances: Sequence[Utterance], split: Split) -> list[Utterance]:
    """The utterances of a split, or all of them for "all".

    A corpus without a validation split (one whose manifest names no splits) is validated on its test split.
    """
    if split not in (*SPLITS, "all"):
        raise DataError(f"split is {split!r}; choose {', '.join(map(repr, SPLITS))} or 'all'")
    if split == "validation" and not any(item.split == "validation" for item in utterances):
        split = "test"
    return [item for item in utterances if split in ("all", item.split)]


def read_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a manifest."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: is not valid JSON ({error})") from error
            if not isinstance(record, dict):
                raise DataError(f"{path}:{number}: holds {type(record).__name__}; it must be a JSON object")
            yield number, record


def _utterance(record: dict[str, Any], path: Path, number: int) -> Utterance:
    place = f"{path}:{number}"
    missing = [key for key in _KEYS if key not in record]
    missing += [key for key in _TOGETHER if key not in record and any(other in record for other in _TOGETHER)]
    if missing:
        raise DataError(f"{place}: lacks {', '.join(missing)}")
    _check_kinds(record, place)
    _check_labels(record, place)
    number_of = record["id"].rsplit("_", 1)[-1]
    is_test = number_of.isdigit() and int(number_of) % 20 == TEST_REMAINDER
    try:
        utterance = Utterance(
            id=record["id"],
            speaker=record["speaker"],
            text=record["text"],
            audio=_find_audio(record, path.parent, place),
            units=tuple(record["units"]),
            tones=tuple(record.get("tones", [0] * len(record["units"]))),
            frames=tuple(record.get("frames", ())),
            lead=float(record.get("lead", 0)),
            samples=int(record["samples"]),
            f0=np.asarray(record.get("f0", ()), dtype=np.float32),
            split=record.get("split", "test" if is_test else "train"),
            label_samples=int(record.get("label_samples", LABEL_SAMPLES)),
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"{place}: has a value of a wrong kind ({error})") from error
    _check_times(utterance, place)
    return utterance


def _check_kinds(record: dict[str, Any], place: str) -> None:
    for key, kind in _KINDS.items():
        if key in record and not isinstance(record[key], kind):
            raise DataError(f"{place}: {key} is {record[key]!r}; it must be a {kind.__name__}")
    # Features are kept in files of this name.
    if Path(record["id"]).name != record["id"]:
        raise DataError(f"{place}: id is {record['id']!r}; it must be fit for a file name")


def _check_times(utterance: Utterance, place: str) -> None:
    if utterance.samples < 1 or utterance.label_samples < 1:
        raise DataError(f"{place}: samples and label_samples must be at least 1")
    if any(not isinstance(size, int) or size < 0 for size in utterance.frames):
        raise DataError(f"{place}: frames are {utterance.frames}; they must be whole numbers from 0")
    end = (utterance.lead + sum(utterance.frames)) * utterance.label_samples
    if not (utterance.lead >= 0 and end < utterance.samples + utterance.label_samples):
        raise DataError(
            f"{place}: lead and frames end at sample {end:g} and the recording has {utterance.samples}; align it anew"
        )


def _check_labels(record: dict[str, Any], place: str) -> None:
    sizes = {key: len(record[key]) for key in ("units", "tones", "frames") if key in record}
    if len(set(sizes.values())) != 1:
        raise DataError(f"{place}: {' and '.join(sizes)} differ in length: {sizes}")
    if not record["units"]:
        raise DataError(f"{place}: has no units")
    for unit in record["units"]:
        if unit is None or unit not in SYMBOLS:
            raise DataError(f"{place}: {unit!r} is not a symbol of the phoneme table")
    split = record.get("split", "train")
    if split not in SPLITS:
        raise DataError(f"{place}: split is {split!r}; it must be one of {', '.join(SPLITS)}")


def _find_audio(record: dict[str, Any], folder: Path, place: str) -> Path:
    names = (
        [record["audio"]] if "audio" in record else [f"audio/{record['id']}{suffix}" for suffix in _SUFFIXES]
    )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{place}: the recording {names[0]} is not there")
