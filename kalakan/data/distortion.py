"""Distorts log-mels as other speakers, rooms and microphones would, so that a recognizer does not memorize recordings.

All distortions act on the cached log-mel: tempo and vocal tract (N. Jaitly and G. Hinton, "Vocal tract length
perturbation", ICML 2013 workshop), the microphone's curve, a room's reverberation, noise, and missing stretches and
bands (D. Park et al., "SpecAugment", Interspeech 2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
DB = np.log(10.0) / 20.0
"""One decibel in ln of magnitude."""
TEMPO = (0.85, 1.2)
TRACT = (0.88, 1.14)
"""Factor of frequencies, on the scale of mel bands."""
CURVE_DB = 6.0
"""Standard deviation of the microphone's curve at each of its knots."""
KNOTS = 8
REVERBERATION_S = (0.15, 0.6)
"""Time in which a room's sound decays by 60 dB."""
NOISE_DB = (5.0, 40.0)
"""Level of the noise below the loud frames."""
LONGEST_GAP_S = 0.1
MOST_BANDS = 10
"""Number of bands in a missing stripe."""


def distorted(mel: Array, frame_rate: float, rate: float, random: np.random.Generator) -> Array:
    """A log-mel [M, T] distorted to [M, T']; each kind is considered with probability `rate`."""
    for change, share in (
        (_tempo, 0.8),
        (_tract, 0.7),
        (_curve, 0.7),
        (_room, 0.4),
        (_band_limit, 0.3),
        (_noise, 0.7),
        (_gaps, 0.9),
    ):
        if random.random() < rate * share:
            mel = change(mel, frame_rate, random)
    return np.ascontiguousarray(mel, np.float32)


def _tempo(mel: Array, _: float, random: np.random.Generator) -> Array:
    size = max(1, round(mel.shape[1] / random.uniform(*TEMPO)))
    return _resampled(mel.T, np.linspace(0, mel.shape[1] - 1, size)).T


def _tract(mel: Array, _: float, random: np.random.Generator) -> Array:
    places = np.arange(len(mel)) * random.uniform(*TRACT)
    return _resampled(mel, np.minimum(places, len(mel) - 1))


def _curve(mel: Array, _: float, random: np.random.Generator) -> Array:
    return mel + _smooth(len(mel), CURVE_DB * DB, random)[:, None]


def _room(mel: Array, frame_rate: float, random: np.random.Generator) -> Array:
    """Adds the decayed energy of each frame to the next."""
    decay = 60.0 * DB / (random.uniform(*REVERBERATION_S) * frame_rate)
    direct = random.uniform(6.0, 15.0) * DB
    tail, frames = np.full(len(mel), -30.0, np.float32), []
    for frame in mel.T:
        frames.append(_added(frame, tail))
        tail = _added(tail - decay, frame - direct)
    return np.stack(frames, axis=1)


def _band_limit(mel: Array, _: float, random: np.random.Generator) -> Array:
    first = round(len(mel) * random.uniform(0.55, 0.95))
    cut = mel.copy()
    cut[first:] = mel.min()
    return cut


def _noise(mel: Array, _: float, random: np.random.Generator) -> Array:
    loud = np.percentile(mel.max(axis=0), 95)
    level = loud - random.uniform(*NOISE_DB) * DB
    shape = _smooth(len(mel), 5.0 * DB, random)[:, None]
    grain = np.log(np.sqrt(random.exponential(1.0, mel.shape)) + 1e-3)
    return _added(mel, (level + shape + grain).astype(np.float32))


def _gaps(mel: Array, frame_rate: float, random: np.random.Generator) -> Array:
    cut, fill = mel.copy(), mel.mean()
    for _ in range(2):
        start = random.integers(0, mel.shape[1])
        cut[:, start : start + random.integers(0, round(LONGEST_GAP_S * frame_rate) + 1)] = fill
        first = random.integers(0, len(mel))
        cut[first : first + random.integers(0, MOST_BANDS + 1)] = fill
    return cut


def _added(one: Array, other: Array) -> Array:
    """The sum of two uncorrelated sounds, in ln of magnitude."""
    total: Array = (0.5 * np.logaddexp(2.0 * one, 2.0 * other)).astype(np.float32)
    return total


def _smooth(size: int, spread: float, random: np.random.Generator) -> Array:
    """A smooth curve [size] through normal values of deviation `spread`."""
    knots = random.normal(0.0, spread, KNOTS)
    curve: Array = np.interp(np.linspace(0, KNOTS - 1, size), np.arange(KNOTS), knots).astype(np.float32)
    return curve


def _resampled(rows: Array, places: NDArray[np.float64]) -> Array:
    """Rows [R, C] interpolated at fractional `places` [K]: [K, C]."""
    before = places.astype(np.int64)
    after = np.minimum(before + 1, len(rows) - 1)
    share = (places - before).astype(np.float32)[:, None]
    found: Array = (1.0 - share) * rows[before] + share * rows[after]
    return found
