"""Predicts tones for the utterances of a corpus, and detects where recordings contradict them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kalakan.data.units import DOWNSTEPPED, HIGH, LOW, TONE_SYMBOLS
from kalakan.data.utterance import Utterance
from kalakan.text.framing import MARKS, closed
from kalakan.text.phonemes import id_to_symbol, symbol_to_id
from kalakan.text.twi_g2p import TwiG2P

LEAST_STEP = 0.5
"""Minimum step in semitones between two tones for a recording to contradict a prediction."""
_HEIGHT = {HIGH: 1, DOWNSTEPPED: 1, LOW: 0}


def with_predicted_tones(utterances: Sequence[Utterance]) -> tuple[list[Utterance], int]:
    """The utterances with the tones that the text core predicts for their text, and the number of those with new tones.

    Marks in the text and labelled tones are kept. An utterance whose text is not read as its units does not change,
    because its units are of another pronunciation, and the tones would be assigned to the wrong sounds.
    """
    reader = TwiG2P(tones="predicted")
    made = [_predicted(utterance, reader) for utterance in utterances]
    return made, sum(one is not other for one, other in zip(made, utterances, strict=True))


def _predicted(utterance: Utterance, reader: TwiG2P) -> Utterance:
    if any(utterance.tones):
        return utterance
    ids = reader.text_to_phoneme_sequence(utterance.text)
    symbols = [id_to_symbol(row) for row in closed(ids)] if ids else []
    spelled: list[list[str]] = []
    for symbol in symbols:
        if symbol not in TONE_SYMBOLS:
            spelled.append([symbol])
        elif spelled:
            spelled[-1].append(symbol)
    kept = [place for place, unit in enumerate(utterance.units) if unit not in TONE_SYMBOLS]
    plain = tuple(utterance.units[place] for place in kept)
    tones = tuple(_tone("".join(parts[1:])) for parts in spelled)
    if tuple(parts[0] for parts in spelled) != plain or not any(tones):
        return utterance
    frames = tuple(utterance.frames[place] for place in kept) if utterance.frames else ()
    return replace(utterance, units=plain, tones=tones, frames=frames)


def _tone(symbols: str) -> int:
    if "˧" in symbols or "ꜜ" in symbols:
        return DOWNSTEPPED
    return HIGH if "˥" in symbols else LOW if "˩" in symbols else 0


def pitch_weights(
    utterance: Utterance, f0: NDArray[np.float32], hop_length: int, contradicted: float
) -> NDArray[np.float32]:
    """Weight of each mel frame [T] in the pitch loss, for F0 [T] in Hz (0 unvoiced) of the whole recording.

    `contradicted` for the frames of two neighboring tones of a phrase between which F0 moves against their labels: it
    falls by `LEAST_STEP` or more from low to high, or rises by as much from high to low; 1 elsewhere. Where a
    recording and a predicted tone disagree, the label is more often wrong than the speaker.
    """
    weights = np.ones(len(f0), np.float32)
    if not utterance.is_aligned:
        return weights
    labels = np.cumsum([utterance.lead, *utterance.frames]) * (utterance.label_samples / hop_length)
    edges = np.minimum(np.rint(labels).astype(int), len(f0))
    earlier: tuple[int, float, slice] | None = None
    for place, (unit, tone) in enumerate(zip(utterance.units, utterance.tones, strict=True)):
        if symbol_to_id(unit) in MARKS:
            earlier = None  # a new phrase starts at its own pitch level
        if not tone:
            continue
        window = slice(int(edges[place]), int(edges[place + 1]))
        voiced = f0[window][f0[window] > 0]
        if not len(voiced):
            continue
        height = float(12.0 * np.log2(np.median(voiced)))
        if earlier is not None:
            expected = _HEIGHT[tone] - _HEIGHT[earlier[0]]
            moved = height - earlier[1]
            if expected * moved <= -LEAST_STEP:
                weights[earlier[2]] = weights[window] = contradicted
        earlier = (tone, height, window)
    return weights
