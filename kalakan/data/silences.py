"""Finds unlabelled silences inside an utterance: a voice that learns them would stop inside sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.config.schema import AudioConfig, DataConfig
from kalakan.data.features import log_energy
from kalakan.data.utterance import Utterance
from kalakan.text.phonemes import CLASSES, PAUSE_IDS, SOUND_IDS, symbol_to_id

BELOW_LOUD_DB = 38.0
"""A frame this far below the loud ones is silent."""
LOUD_PERCENTILE = 95
LEFT_AT_THE_END_S = 0.25
"""Length of the end of the last sound, which may fade out."""
LEAST_NASAL_FRAMES = 4
"""Minimum frames of a syllabic nasal to measure its level separately from its neighbors."""
_DB = 20.0 / np.log(10.0)


@dataclass(frozen=True)
class Silences:
    """Silent parts that should not be silent."""

    longest_ms: float
    """Longest silence between the first sound and the last, outside of pauses."""
    nasal_db: float
    """Level of the quietest syllabic nasal relative to the loud frames; 0 without one."""


def silences(utterance: Utterance, mel: NDArray[np.float32], audio: AudioConfig) -> Silences:
    """The silences of an aligned utterance, from its log-mel [M, T]."""
    level = _DB * log_energy(mel)
    level -= np.percentile(level, LOUD_PERCENTILE)
    edges = np.cumsum([utterance.lead, *utterance.frames]) * utterance.label_samples / audio.hop_length
    bounds = np.clip(np.rint(edges).astype(np.int64), 0, len(level))
    ids = [symbol_to_id(unit) for unit in utterance.units]
    sounds = [place for place, row in enumerate(ids) if row in SOUND_IDS]
    if not sounds:
        return Silences(0.0, 0.0)
    first = bounds[sounds[0]]
    last = bounds[sounds[-1] + 1] - round(LEFT_AT_THE_END_S * audio.frame_rate)
    is_silent = level < -BELOW_LOUD_DB
    is_silent[:first] = is_silent[max(first, last) :] = False
    for place, row in enumerate(ids):
        if row in PAUSE_IDS:
            is_silent[_stretch(is_silent, bounds[place], bounds[place + 1])] = False
    nasals = [
        float(np.median(level[bounds[place] : bounds[place + 1]]))
        for place in sounds
        if CLASSES[ids[place]] == "syllabic" and bounds[place + 1] - bounds[place] >= LEAST_NASAL_FRAMES
    ]
    return Silences(1000.0 * _longest(is_silent) / audio.frame_rate, min([*nasals, 0.0]))


def fault(utterance: Utterance, mel: NDArray[np.float32], audio: AudioConfig, config: DataConfig) -> str:
    """Why the settings exclude an utterance; empty if they do not, or if it is not aligned."""
    if not utterance.is_aligned:
        return ""
    found = silences(utterance, mel, audio)
    if config.longest_silence_ms and found.longest_ms > config.longest_silence_ms:
        return f"{found.longest_ms:.0f} ms of silence where nothing is written"
    if config.quietest_nasal_db and found.nasal_db < config.quietest_nasal_db:
        return f"a syllabic nasal lies at {found.nasal_db:.0f} dB"
    return ""


def _stretch(is_silent: NDArray[np.bool_], start: int, end: int) -> slice:
    """Frames of all silences that touch [start, end), because a pause may begin before its label and end after it."""
    while start > 0 and is_silent[start - 1]:
        start -= 1
    while end < len(is_silent) and is_silent[end]:
        end += 1
    return slice(start, end)


def _longest(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
