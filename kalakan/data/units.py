"""From an utterance's labels to the phoneme ids and frame counts that a model trains on."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.config.schema import DataConfig
from kalakan.data.manifest import LABEL_SAMPLES, Utterance
from kalakan.text.phonemes import BOS, WORD_BOUNDARY, symbol_to_id

BOS_LABELS = 2
"""Leading silence that `<bos>` stands for, in `LABEL_SAMPLES` (50 ms)."""
HIGH, LOW, DOWNSTEPPED = 1, 2, 3
_DOWNSTEP_SPELLINGS = (("˧",), ("ꜜ", "˥"), ("˥", "ꜜ"), ("ꜜ",))
"""Text writes a downstepped high tone in several ways; the model hears them all."""
_SUBSTITUTES = {
    "a": ("ã",),
    "i": ("ĩ",),
    "ɪ": ("ɪ̃",),
    "ʊ": ("ʊ̃",),
    "u": ("ũ",),
    "ŋʷ": ("ŋ",),
    "ɡ": ("ɡʷ",),
    "h": ("hʷ",),
    "ɲ": ("ɲɥ",),
    ",": (";", ":", "¦", "…"),
    ".": ("!", "…", ";"),
}
"""Units that the corpus holds, and neighbours it holds next to never."""


@dataclass(frozen=True)
class UnitSequence:
    """Ids and durations of one utterance."""

    ids: NDArray[np.int64]
    """Phoneme ids [N], tone units inline."""
    durations: NDArray[np.int64]
    """Mel frames of each id [N]; 0 for tone units."""
    first_frame: int
    """First mel frame that belongs to the sequence."""

    @property
    def frames(self) -> int:
        """Mel frames of the whole sequence."""
        return int(self.durations.sum())


def plain_sequence(utterance: Utterance, hop_length: int) -> UnitSequence:
    """The utterance as labelled, with `<bos>` where there is leading silence: what validation and tests use."""
    return _sequence(utterance, hop_length, list(utterance.units), list(utterance.tones), has_bos=True)


def varied_sequence(
    utterance: Utterance, hop_length: int, config: DataConfig, random: np.random.Generator
) -> UnitSequence:
    """The utterance with the augmentation of `DataConfig`: what training uses."""
    units = [
        str(random.choice(_SUBSTITUTES[unit]))
        if unit in _SUBSTITUTES and random.random() < config.substitution_rate
        else unit
        for unit in utterance.units
    ]
    tones = list(utterance.tones)
    if any(tones) and random.random() < config.tone_drop_rate:
        tones = _drop_some_tones(units, tones, random)
    return _sequence(utterance, hop_length, units, tones, has_bos=bool(random.random() < config.bos_rate))


def _drop_some_tones(units: list[str], tones: list[int], random: np.random.Generator) -> list[int]:
    words = [0, *(index + 1 for index, unit in enumerate(units) if unit == "_"), len(units)]
    first = int(random.integers(0, len(words) - 1))
    last = int(random.integers(first + 1, len(words)))
    return [0 if words[first] <= index < words[last] else tone for index, tone in enumerate(tones)]


def _sequence(
    utterance: Utterance, hop_length: int, units: list[str], tones: list[int], has_bos: bool
) -> UnitSequence:
    lead = BOS_LABELS if has_bos and utterance.lead >= BOS_LABELS else 0
    labels = np.concatenate([[utterance.lead - lead, lead], utterance.frames])
    edges = np.rint(np.cumsum(labels) * (LABEL_SAMPLES / hop_length)).astype(np.int64)
    frames = np.diff(edges)  # of <bos>, then of every unit
    ids: list[int] = [BOS] if lead else []
    durations: list[int] = [int(frames[0])] if lead else []
    for index, (unit, tone) in enumerate(zip(units, tones, strict=True)):
        ids.append(WORD_BOUNDARY if unit == "_" else symbol_to_id(unit))
        durations.append(int(frames[index + 1]))
        for mark in _tone_units(tone, f"{utterance.id}:{index}"):
            ids.append(symbol_to_id(mark))
            durations.append(0)
    return UnitSequence(np.asarray(ids, np.int64), np.asarray(durations, np.int64), int(edges[0]))


def _tone_units(tone: int, key: str) -> tuple[str, ...]:
    if tone == HIGH:
        return ("˥",)
    if tone == LOW:
        return ("˩",)
    if tone == DOWNSTEPPED:
        return _DOWNSTEP_SPELLINGS[zlib.crc32(key.encode()) % len(_DOWNSTEP_SPELLINGS)]
    return ()
