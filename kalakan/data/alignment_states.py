"""States of forced alignment: the sounds of an utterance in order, with optional silences between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalakan.data.manifest import Utterance
from kalakan.text.framing import SILENT_IDS
from kalakan.text.phonemes import PAD, TONE_IDS, symbol_to_id

SILENCE = PAD
"""Class of every pause, word boundary and silence: a row that no sound uses."""


@dataclass(frozen=True)
class States:
    """States of one utterance."""

    ids: NDArray[np.int64]
    """Class of each state [N]: a phoneme id, or `SILENCE`."""
    optional: NDArray[np.bool_]
    """True for a silence [N], which may be skipped."""
    owners: NDArray[np.int64]
    """Unit of each state [N]; -1 for the silence before the first unit."""

    def unit_frames(self, frames: NDArray[np.int64], units: int) -> tuple[int, NDArray[np.int64]]:
        """Frames of the leading silence and of each unit [units], from the frames of each state [N]."""
        found = np.zeros(units, np.int64)
        np.add.at(found, self.owners[1:], frames[1:])
        return int(frames[0]), found


def states_of(utterance: Utterance) -> States:
    """The states of an utterance: a silence, then its units without tones; adjacent silences are merged."""
    ids, owners = [SILENCE], [-1]
    for index, unit in enumerate(utterance.units):
        row = symbol_to_id(unit)
        if row in TONE_IDS:
            continue
        if row in SILENT_IDS:
            if ids[-1] == SILENCE:
                continue
            row = SILENCE
        ids.append(row)
        owners.append(index)
    found = np.asarray(ids, np.int64)
    return States(found, found == SILENCE, np.asarray(owners, np.int64))


def is_silent(unit: str) -> bool:
    """True for a pause or a word boundary."""
    return symbol_to_id(unit) in SILENT_IDS
