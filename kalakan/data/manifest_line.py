"""Parses one line of a manifest from its JSON object to an `Utterance` and validates every value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kalakan.data.utterance import LABEL_SAMPLES, SPLITS, Utterance
from kalakan.errors import DataError
from kalakan.text.phonemes import SYMBOLS

TEST_REMAINDER = 7
"""If the manifest gives no split: numbers with this remainder modulo 20 belong to the test split."""
TONES = (0, 1, 2, 3)
"""Allowed tones: none, high, low, downstepped high."""
_KEYS = ("id", "speaker", "text", "units", "samples")
_TOGETHER = ("frames", "lead")
_KINDS = {
    "id": str,
    "speaker": str,
    "text": str,
    "split": str,
    "units": list,
    "tones": list,
    "frames": list,
    "doubtful": str,
}
_SUFFIXES = (".ogg", ".flac", ".wav")


def check_keys(record: dict[str, Any], place: str) -> None:
    """Raises `DataError` for a record that lacks a key."""
    missing = [key for key in _KEYS if key not in record]
    missing += [key for key in _TOGETHER if key not in record and any(other in record for other in _TOGETHER)]
    if missing:
        raise DataError(f"{place}: lacks {', '.join(missing)}")


def utterance_of(record: dict[str, Any], folder: Path, place: str) -> Utterance:
    """The utterance of a record with all keys; raises `DataError`, prefixed with `place`, for invalid values."""
    _check_kinds(record, place)
    _check_labels(record, place)
    number_of = record["id"].rsplit("_", 1)[-1]
    is_test = number_of.isdigit() and int(number_of) % 20 == TEST_REMAINDER
    try:
        utterance = Utterance(
            id=record["id"],
            speaker=record["speaker"],
            text=record["text"],
            audio=_find_audio(record, folder, place),
            units=tuple(record["units"]),
            tones=tuple(record.get("tones", [0] * len(record["units"]))),
            frames=tuple(record.get("frames", ())),
            lead=float(record.get("lead", 0)),
            samples=int(record["samples"]),
            f0=np.asarray(record.get("f0", ()), dtype=np.float32),
            split=record.get("split", "test" if is_test else "train"),
            label_samples=int(record.get("label_samples", LABEL_SAMPLES)),
            doubtful=record.get("doubtful", ""),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}: has a value of a wrong kind ({error})") from error
    _check_times(utterance, place)
    if not (np.isfinite(utterance.f0).all() and (utterance.f0 >= 0).all()):
        raise DataError(f"{place}: f0 holds what is no frequency; it must be numbers of Hz, 0 where unvoiced")
    return utterance


def _check_kinds(record: dict[str, Any], place: str) -> None:
    for key, kind in _KINDS.items():
        if key in record and not isinstance(record[key], kind):
            raise DataError(f"{place}: {key} is {record[key]!r}; it must be a {kind.__name__}")
    # Features are cached in files of this name.
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
            f"{place}: lead and frames end at sample {end:g} and the recording has {utterance.samples}; align it again"
        )


def _check_labels(record: dict[str, Any], place: str) -> None:
    sizes = {key: len(record[key]) for key in ("units", "tones", "frames") if key in record}
    if len(set(sizes.values())) != 1:
        raise DataError(f"{place}: {' and '.join(sizes)} differ in length: {sizes}")
    if not record["units"]:
        raise DataError(f"{place}: has no units")
    for unit in record["units"]:
        if not isinstance(unit, str) or unit not in SYMBOLS:
            raise DataError(f"{place}: {unit!r} is not a symbol of the phoneme table")
    for tone in record.get("tones", ()):
        if tone not in TONES:
            raise DataError(f"{place}: tone {tone!r} is not one of {', '.join(map(str, TONES))}")
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
