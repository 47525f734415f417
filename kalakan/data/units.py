"""Converts an utterance's labels to the phoneme ids and frame counts used in training."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.manifest import Utterance
from kalakan.text.phonemes import BOS, TONE_IDS, id_to_symbol, symbol_to_id

BOS_SECONDS = 0.05
"""Leading silence represented by `<bos>`."""
HIGH, LOW, DOWNSTEPPED = 1, 2, 3
_DOWNSTEP_SPELLINGS = (("˧",), ("ꜜ", "˥"), ("˥", "ꜜ"), ("ꜜ",))
"""Spellings of a downstepped high tone in text; the model is trained on all of them."""
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
"""Units of the corpus, and similar ones that are very rare in it."""
TONE_SYMBOLS = frozenset(id_to_symbol(row) for row in TONE_IDS)
"""Tone units, which have no frames."""


@dataclass(frozen=True)
class UnitSequence:
    """Ids and durations of one utterance."""

    ids: NDArray[np.int64]
    """Phoneme ids [N], tone units inline."""
    durations: NDArray[np.int64]
    """Mel frames of each id [N]; 0 for tone units. Empty where the utterance is not aligned."""
    first_frame: int
    """First mel frame that belongs to the sequence."""

    @property
    def frames(self) -> int:
        """Mel frames of the whole sequence."""
        return int(self.durations.sum())


def plain_sequence(utterance: Utterance, audio: AudioConfig) -> UnitSequence:
    """The utterance as labelled, with `<bos>` where there is leading silence, for validation and tests."""
    return _sequence(utterance, audio, list(utterance.units), list(utterance.tones), has_bos=True)


def varied_sequence(
    utterance: Utterance, audio: AudioConfig, config: DataConfig, random: np.random.Generator
) -> UnitSequence:
    """The utterance with the augmentation of `DataConfig`, for training."""
    units = [
        str(random.choice(_SUBSTITUTES[unit]))
        if unit in _SUBSTITUTES and random.random() < config.substitution_rate
        else unit
        for unit in utterance.units
    ]
    tones = list(utterance.tones)
    has_tones = any(tones) or any(unit in TONE_SYMBOLS for unit in units)
    dropped: set[int] = set()
    if has_tones and random.random() < config.tone_drop_rate:
        dropped = _run_of_words(units, random)
        tones = [0 if index in dropped else tone for index, tone in enumerate(tones)]
    units = ["" if index in dropped and unit in TONE_SYMBOLS else unit for index, unit in enumerate(units)]
    return _sequence(utterance, audio, units, tones, has_bos=bool(random.random() < config.bos_rate))


def _run_of_words(units: list[str], random: np.random.Generator) -> set[int]:
    """Positions of the units of a random run of words."""
    words = [0, *(index + 1 for index, unit in enumerate(units) if unit == "_"), len(units)]
    first = int(random.integers(0, len(words) - 1))
    last = int(random.integers(first + 1, len(words)))
    return set(range(words[first], words[last]))


def _sequence(
    utterance: Utterance, audio: AudioConfig, units: list[str], tones: list[int], has_bos: bool
) -> UnitSequence:
    """Ids and durations; a unit "" is omitted with its frames (a tone has none)."""
    ids, owners = [BOS], [0]
    for index, (unit, tone) in enumerate(zip(units, tones, strict=True), start=1):
        spelled = (unit, *_tone_units(tone, f"{utterance.id}:{index - 1}"))
        for place, symbol in enumerate(spelled):
            if symbol:
                ids.append(symbol_to_id(symbol))
                owners.append(-1 if place else index)
    if not utterance.is_aligned:
        first = 0 if has_bos else 1
        return UnitSequence(np.asarray(ids[first:], np.int64), np.zeros(0, np.int64), 0)
    lead = BOS_SECONDS * audio.sample_rate / utterance.label_samples if has_bos else 0.0
    if utterance.lead < lead:
        lead = 0.0
    labels = np.concatenate([[utterance.lead - lead, lead], utterance.frames])
    edges = np.rint(np.cumsum(labels) * (utterance.label_samples / audio.hop_length)).astype(np.int64)
    # With another hop, the last may end after the mel.
    edges = np.minimum(edges, utterance.samples // audio.hop_length)
    frames = np.diff(edges)  # of <bos>, then of every unit
    first = 0 if lead else 1
    durations = [0 if owner < 0 else int(frames[owner]) for owner in owners]
    return UnitSequence(
        np.asarray(ids[first:], np.int64), np.asarray(durations[first:], np.int64), int(edges[0])
    )


def _tone_units(tone: int, key: str) -> tuple[str, ...]:
    if tone == HIGH:
        return ("˥",)
    if tone == LOW:
        return ("˩",)
    if tone == DOWNSTEPPED:
        return _DOWNSTEP_SPELLINGS[zlib.crc32(key.encode()) % len(_DOWNSTEP_SPELLINGS)]
    return ()
