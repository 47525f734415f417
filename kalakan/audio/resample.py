"""Resamples audio, whole or chunk by chunk, with the SoX resampler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import MissingDependencyError

Samples = NDArray[np.float32]


class Resampler:
    """Chunks of one recording at `source_rate` Hz as chunks at `rate` Hz.

    The concatenated chunks are bit-identical however the recording is cut: S samples become S * rate / source_rate,
    rounded. Loud edges may overshoot slightly. Raises `MissingDependencyError` if the rates differ and soxr is not
    installed.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        self._stream = _soxr_stream(source_rate, rate) if rate != source_rate else None

    def push(self, chunk: Samples) -> Samples:
        """The output that is ready after another chunk [S]; it may be empty, because the filter looks ahead."""
        if self._stream is None:
            return chunk
        result: Samples = self._stream.resample_chunk(np.ascontiguousarray(chunk, np.float32))
        return result

    def flush(self) -> Samples:
        """The rest of the output, after the last chunk."""
        result: Samples = np.zeros(0, np.float32)
        return result if self._stream is None else self._stream.resample_chunk(result, last=True)


def _soxr_stream(source_rate: int, rate: int) -> Any:
    try:
        import soxr  # imported here, because it slows start-up and most synthesis needs no other rate
    except ImportError as error:
        raise MissingDependencyError(
            f"{source_rate} Hz to {rate} Hz needs soxr; pip install soxr, or keep {source_rate} Hz"
        ) from error
    return soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")
