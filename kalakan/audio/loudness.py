"""Vocoders clip at full scale; loudness is settled once for a whole text. Here the two meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

MAX_GAIN = 64.0
"""Most that a clipping sentence is turned down by before it is vocoded (36 dB)."""


def vocode_unclipped(inference: Callable[..., Any], mel: Any, *f0: Any) -> Any:
    """Audio [S] of a log-mel [1, M, T] (and F0 [1, T]) that may exceed [-1, 1].

    Where the vocoder clips, it speaks the mel at half the amplitude, and the result is doubled: as often as needed,
    up to `MAX_GAIN`. Arrays are numpy's or torch's, as `inference` takes and returns them.
    """
    gain = 1.0
    audio = inference(mel, *f0)[0]
    while float(abs(audio).max()) >= gain and gain < MAX_GAIN:
        gain *= 2.0
        audio = inference(mel - math.log(gain), *f0)[0] * gain
    return audio
