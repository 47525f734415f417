"""Audio of any length between speaking and writing: its peak is known before its first sample is needed."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import SynthesisError

MEMORY_BYTES = 24 << 20
"""What stays in memory (4 minutes at 24 kHz); longer audio moves to a temporary file."""
BLOCK_SAMPLES = 1 << 16


class Spool:
    """Consecutive pieces [S_i], read back as blocks in [-1, 1] with one gain for all of them.

    A context manager: leaving it frees memory and disk.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        self.frames = 0
        self.peak = 0.0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, piece: Any) -> None:
        """Appends audio [S_i], numpy or a CPU tensor; raises `SynthesisError` if it is not finite."""
        samples = np.ascontiguousarray(piece, np.float32)
        peak = float(np.abs(samples).max(initial=0.0))
        if not math.isfinite(peak):
            raise SynthesisError("the model spoke samples that are not finite; its weights are broken")
        self.peak = max(self.peak, peak)
        self.frames += len(samples)
        self._file.write(samples.tobytes())

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All samples in order; turned down as a whole if the loudest exceeds 1."""
        self._file.seek(0)
        while block := self._file.read(4 * BLOCK_SAMPLES):
            samples = np.frombuffer(block, np.float32)
            yield samples / np.float32(self.peak) if self.peak > 1.0 else samples
