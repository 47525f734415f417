"""Soft limiting at full scale, without clicks, and the same in a stream as in the whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import AudioError

MAX_GAIN = 64.0
"""Largest attenuation of a clipping sentence before it is vocoded (36 dB)."""
KNEE = 0.8
"""Amplitude up to which `soft_limit` changes nothing."""


def soft_limit(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Audio [S] of any amplitude, held within [-1, 1]; samples up to `KNEE` keep their bits.

    Above the knee the amplitude runs on into a hyperbolic tangent, with the same slope where they meet. Each sample
    is limited by itself, so that a stream, which cannot know how loud the rest of the text will be, has the samples
    of the whole; one gain for the whole text would need its last sentence before its first could be played.
    Raises `AudioError` for NaN and infinity.
    """
    size = np.abs(audio)
    peak = float(size.max(initial=0.0))
    if not math.isfinite(peak):
        raise AudioError("the audio holds samples that are not finite")
    knee = np.float32(KNEE)
    if peak <= knee:
        return audio
    room = np.float32(1.0) - knee
    bent = np.minimum(knee + room * np.tanh((size - knee) / room), np.float32(1.0))
    limited: NDArray[np.float32] = np.where(size > knee, np.copysign(bent, audio), audio)
    return limited


def vocode_unclipped(inference: Callable[..., Any], mel: Any, *f0: Any) -> Any:
    """Audio [S] of a log-mel [1, M, T] (and F0 [1, T]) that may exceed [-1, 1], of a vocoder that clips there.

    Where the vocoder clips, the mel is vocoded at half the amplitude and the result is doubled: as often as needed,
    up to `MAX_GAIN`. Arrays are numpy's or torch's, as `inference` takes and returns them.
    """
    gain = 1.0
    audio = inference(mel, *f0)[0]
    while float(abs(audio).max()) >= gain and gain < MAX_GAIN:
        gain *= 2.0
        audio = inference(mel - math.log(gain), *f0)[0] * gain
    return audio
