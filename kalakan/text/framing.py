"""Frames the units of a sentence in the same way for training, alignment, calibration and synthesis.

`<bos>` comes first, for the silence before a sentence, and a mark realized as silence last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kalakan.text.phonemes import BOS, PAUSE_IDS, WORD_BOUNDARY, symbol_to_id

FULL_STOP: Final = symbol_to_id(".")
PHRASE_BREAK: Final = symbol_to_id("¦")
SENTENCE_ENDS: Final = frozenset(symbol_to_id(mark) for mark in (".", "!", "?"))
MARKS: Final = PAUSE_IDS | {PHRASE_BREAK}
"""Ids realized as silence."""
SILENT_IDS: Final = MARKS | {WORD_BOUNDARY}
"""Ids realized as silence or with no duration."""


def closed(units: Sequence[int], mark: int = FULL_STOP) -> list[int]:
    """Units [N] that end in a mark; appends `mark` if they do not."""
    return [*units] if units and units[-1] in MARKS else [*units, mark]


def frame(units: Sequence[int], mark: int = FULL_STOP) -> list[int]:
    """Units [N] as model input: `<bos>` first, and a mark last (`mark` if they have none)."""
    return [BOS, *closed(units, mark)]
