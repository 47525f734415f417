"""Gains, and soft limiting at full scale: without clicks, and identical for streams and whole texts."""

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
"""Amplitude below which `soft_limit` changes nothing."""


def soft_limit(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Limits audio [S] of any amplitude to [-1, 1]; samples up to `KNEE` keep their bits.

    Above the knee, the amplitude follows a hyperbolic tangent with the same slope at the knee. Each sample is limited
    by itself, so that a stream, which cannot know how loud the rest of the text will be, has the same samples as the
    whole. A single gain would need the last sentence of a text before the first could be played.
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
    # In double precision, because numpy's single-precision tangents differ in the last bit between processors.
    tangent = np.tanh(((size - knee) / room).astype(np.float64)).astype(np.float32)
    bent = np.minimum(knee + room * tangent, np.float32(1.0))
    limited: NDArray[np.float32] = np.where(size > knee, np.copysign(bent, audio), audio)
    return limited


def vocode_unclipped(inference: Callable[..., Any], mel: Any, *f0: Any) -> Any:
    """Audio [S], which may exceed [-1, 1], of a log-mel [1, M, T] (and F0 [1, T]) from a vocoder that clips.

    If the vocoder clips, the mel is vocoded at half the amplitude and the result is doubled, repeatedly if needed, up
    to `MAX_GAIN`. Arrays are numpy arrays or torch tensors, as `inference` takes and returns them.
    """
    gain = 1.0
    audio = inference(mel, *f0)[0]
    while float(abs(audio).max()) >= gain and gain < MAX_GAIN:
        gain *= 2.0
        audio = inference(mel - math.log(gain), *f0)[0] * gain
    return audio


def amplitudes(decibels: NDArray[np.float32], durations: NDArray[np.int64] | None) -> NDArray[np.float32]:
    """Amplitude factor, [1] or [T], for a volume in decibels, [1] or [N], given the frames of each phoneme [N].

    Raises `SynthesisError` for several values without durations.
    """
    # In double precision, because numpy's single-precision powers differ in the last bit between processors.
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
    """Factor of each sample from a frame on: frame gains interpolated linearly between frame centers, so that changes
    make no click and windows match the whole."""
    if len(gain) == 1:
        return gain
    centers = (np.arange(len(gain)) + 0.5) * hop_length
    places = first_frame * hop_length + np.arange(samples)
    return np.interp(places, centers, gain).astype(np.float32)
