"""Runs a recognizer on the recordings of a corpus to find transcripts that do not match their audio."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kalakan.audio.files import read_audio
from kalakan.data.phone_errors import Ear, PhoneErrors
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.problems import Problem
from kalakan.storage import replacing

FAR_OFF = 4.0
"""A phone error rate this many median absolute deviations above the corpus's median is suspicious."""
LEAST_DEVIATION = 0.05
"""Lower bound of that deviation."""
SUFFIX = ".heard"


class Hearing:
    """The phone error rate of items, stored in `items/<id>.heard` until audio, units or recognizer change."""

    def __init__(self, folder: Path, ear: Ear) -> None:
        self.folder, self.ear, self._sha256 = folder, ear, ear.sha256

    def __call__(self, item: Item) -> float | None:
        """The rate of one item; None for one without audio or units."""
        if not item.samples or not item.units:
            return None
        path = self.folder / "items" / f"{item.id}{SUFFIX}"
        parts = [self._sha256, item.audio_hash, item.samples, item.gain_db, item.units]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] == key:
                return float(found["rate"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # missing, or from a killed run
        errors = PhoneErrors()
        audio, rate = read_audio(self.folder / "audio" / f"{item.id}.flac")
        errors.add(self.ear.compare(audio, rate, item.units))
        with replacing(path) as partial:
            partial.write_text(json.dumps({"key": key, "rate": errors.rate}), encoding="utf-8")
        return errors.rate


def find_misheard(items: Sequence[Item], rates: Mapping[str, float]) -> dict[str, Problem]:
    """The items, by id, whose phone error rate is far above that of the others. The recognizer makes some errors
    everywhere, so only the difference indicates a wrong transcript."""
    known = [item.id for item in items if item.id in rates]
    if not known:
        return {}
    values = np.array([rates[name] for name in known])
    median = float(np.median(values))
    limit = median + FAR_OFF * max(float(np.median(np.abs(values - median))), LEAST_DEVIATION)
    return {
        name: Problem(
            "misheard", f"{100 * rates[name]:.0f} % phone errors; the median is {100 * median:.0f} %"
        )
        for name in known
        if rates[name] > limit
    }
