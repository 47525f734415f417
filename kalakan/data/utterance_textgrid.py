"""Converts an aligned utterance to a TextGrid, for inspection in Praat."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from kalakan.audio.textgrid import Interval, format_tiers
from kalakan.data.alignment_states import is_silent
from kalakan.data.manifest import Utterance
from kalakan.text.phonemes import symbol_to_id
from kalakan.text.twi_g2p import TwiG2P


def textgrid_of(utterance: Utterance, sample_rate: int) -> str:
    """Tiers of words and phones; silences have empty labels, and a tone is written with its vowel."""
    edges = np.rint(np.cumsum([utterance.lead, *utterance.frames]) * utterance.label_samples).astype(int)
    edges = np.minimum(edges, utterance.samples)
    phones: list[Interval] = []
    for index, unit in enumerate(utterance.units):
        label = "" if is_silent(unit) else unit
        if label or edges[index + 1] > edges[index]:
            phones.append((int(edges[index]), int(edges[index + 1]), label))
    words = [
        (int(edges[first]), int(edges[last]), label)
        for first, last, label in _words(utterance)
        if last > first
    ]
    return format_tiers({"words": words, "phones": phones}, utterance.samples, sample_rate)


def _words(utterance: Utterance) -> Iterator[tuple[int, int, str]]:
    """First unit, unit after the last, and label of each word: as written if the units match the text."""
    reading = _reader().read(utterance.text)
    ids = [symbol_to_id(unit) for unit in utterance.units]
    if ids[: len(reading.ids)] == reading.ids and len(ids) <= len(reading.ids) + 1:
        for word in reading.words:
            yield word.first, word.last, utterance.text[word.start : word.end]
        return
    first = 0
    for index, unit in enumerate([*utterance.units, "_"]):
        if is_silent(unit):
            yield first, index, "".join(utterance.units[first:index])
            first = index + 1


@lru_cache(maxsize=1)
def _reader() -> TwiG2P:
    return TwiG2P(tones="written")
