"""Durations in a manifest: written atomically, by `align` or from manually corrected TextGrids."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kalakan.audio.textgrid import parse_tiers
from kalakan.data.alignment_states import is_silent
from kalakan.data.manifest import Utterance, read_manifest, read_records
from kalakan.data.text_files import read_text
from kalakan.errors import AudioError, DataError
from kalakan.storage import replacing
from kalakan.text.phonemes import TONE_IDS, id_to_symbol

LABELS = ("frames", "lead", "tail", "label_samples", "doubtful")
"""Keys of a record with the timing of its units, and with doubts about it."""
LABEL_SAMPLES = 60
"""Resolution in samples of durations read from a TextGrid: 2.5 ms at 24 kHz."""
SILENCES = frozenset({"", "sil", "sp", "spn", "<eps>", "<sil>", "<p>"})
"""Labels of intervals without a sound, ours and those of forced aligners."""
_TIERS = ("phones", "phone", "segments", "mau")
_TONES = frozenset(id_to_symbol(row) for row in TONE_IDS)


def write_labels(
    folder: Path, found: Mapping[str, Mapping[str, Any]], *, forgotten: Collection[str] | None = ()
) -> None:
    """Writes labels to `folder/meta.jsonl` by id; existing ones of `forgotten` ids (None: all) are removed."""
    lines = []
    for _, record in read_records(folder / "meta.jsonl"):
        name = record["id"]
        if name in found or forgotten is None or name in forgotten:
            record = {key: value for key, value in record.items() if key not in LABELS} | dict(
                found.get(name, {})
            )
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    with (
        replacing(folder / "meta.jsonl") as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(lines)


def read_corrected(folder: str | Path, grids: str | Path, sample_rate: int) -> list[str]:
    """Imports the durations of every TextGrid in `grids` (`<id>.TextGrid`, anywhere below it); returns the ids.

    A grid needs a tier "phones" whose sounds are the utterance's units in order; a tone is written with its vowel or
    omitted. Raises `DataError`, and changes nothing, for an invalid grid, for one with other sounds, and if no grid
    matches an utterance.
    """
    folder = Path(folder)
    paths = {path.stem: path for path in sorted(Path(grids).rglob("*.TextGrid"))}
    found = {
        item.id: _labels(item, paths[item.id], sample_rate)
        for item in read_manifest(folder, {})
        if item.id in paths
    }
    if not found:
        raise DataError(f"{grids}: holds no <id>.TextGrid of an utterance of {folder}")
    write_labels(folder, found)
    return list(found)


def _labels(utterance: Utterance, path: Path, sample_rate: int) -> dict[str, Any]:
    try:
        parsed = parse_tiers(read_text(path))
    except AudioError as error:
        raise DataError(f"{path}: {error}") from error
    tiers = {name.lower(): intervals for name, intervals in parsed.items()}
    intervals = next((tiers[name] for name in _TIERS if name in tiers), None)
    if intervals is None:
        raise DataError(f"{path}: has no tier named phones, only {', '.join(tiers) or 'none'}")
    spoken = list(_sounds(intervals, sample_rate))
    units = [unit for unit in utterance.units if not is_silent(unit) and unit not in _TONES]
    if [sound for sound, _, _ in spoken] != units:
        place = next(
            (k for k, (sound, unit) in enumerate(zip(spoken, units, strict=False)) if sound[0] != unit),
            min(len(spoken), len(units)),
        )
        has = " ".join(sound for sound, _, _ in spoken[place : place + 5]) or "nothing"
        wants = " ".join(units[place : place + 5]) or "nothing"
        raise DataError(
            f"{path}: has {has} where the utterance has {wants} (sound {place + 1} of {len(units)})"
        )
    last = utterance.samples // LABEL_SAMPLES
    return {"label_samples": LABEL_SAMPLES, **_laid_out(utterance.units, spoken, last)}


def _sounds(
    intervals: Sequence[tuple[float, float, str]], sample_rate: int
) -> Iterator[tuple[str, int, int]]:
    """Each sound with start and end in `LABEL_SAMPLES`; of several in one interval the first gets all of the time."""
    for start, end, label in intervals:
        first, last = (round(time * sample_rate / LABEL_SAMPLES) for time in (start, end))
        for sound in label.split():
            if sound.lower() in SILENCES or sound in _TONES:
                continue
            yield sound, first, last
            first = last


def _laid_out(units: Sequence[str], spoken: Sequence[tuple[str, int, int]], last: int) -> dict[str, Any]:
    """Leading silence and the duration of each unit: a silence is assigned to the first pause or boundary after a
    sound, else to the sound."""
    frames = [0] * len(units)
    lead = spoken[0][1] if spoken else 0
    number, place = 0, -1
    for index, unit in enumerate(units):
        if is_silent(unit):
            if place >= 0:  # the first one after a sound
                _, _, end = spoken[number - 1]
                until = spoken[number][1] if number < len(spoken) else last
                frames[index], place = max(0, until - end), -1
        elif unit not in _TONES:
            _, start, end = spoken[number]
            if place >= 0:  # no pause before it
                frames[place] += max(0, start - spoken[number - 1][2])
            frames[index], place, number = end - start, index, number + 1
    return {"lead": lead, "frames": frames}
