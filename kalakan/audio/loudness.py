"""Gains, and soft limiting at full scale: without clicks, and the same in a stream as in the whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import AudioError, SynthesisError

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
    # In double precision: numpy's tangents of single precision differ in their last bit from processor to processor.
    tangent = np.tanh(((size - knee) / room).astype(np.float64)).astype(np.float32)
    bent = np.minimum(knee + room * tangent, np.float32(1.0))
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


def amplitudes(decibels: NDArray[np.float32], durations: NDArray[np.int64] | None) -> NDArray[np.float32]:
    """Factor of the amplitude, [1] or [T], of a volume in decibels, [1] or [N], by the frames of each phoneme [N].

    Raises `SynthesisError` for several values without durations.
    """
    # In double precision: numpy's powers of single precision differ in their last bit from processor to processor.
    factors: NDArray[np.float32] = (10.0 ** (decibels.astype(np.float64) / 20.0)).astype(np.float32)
    if len(factors) == 1:
        return factors
    if durations is None:
        raise SynthesisError(
            "this acoustic model does not say how long its phonemes last; set one volume for the whole text"
        )
    return np.repeat(factors[: len(durations)], durations)


def envelope(
    gain: NDArray[np.float32], first_frame: int, samples: int, hop_length: int
) -> NDArray[np.float32]:
    """Factor of each sample from a frame on: frames' gains joined by straight lines between their centers, so that a
    change makes no click, and the same in a window as in the whole."""
    if len(gain) == 1:
        return gain
    centers = (np.arange(len(gain)) + 0.5) * hop_length
    places = first_frame * hop_length + np.arange(samples)
    return np.interp(places, centers, gain).astype(np.float32)
