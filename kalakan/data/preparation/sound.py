"""Measures, resamples and trims one recording and normalizes its loudness."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from numpy.typing import NDArray

from kalakan.audio.resample import Resampler
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import Problem

Samples = NDArray[np.float32]
FRAME_S = 0.01
"""Frame length in seconds for energy-based speech detection."""
LOUD_FRAMES = 30
"""Minimum number of loud frames in a long recording with speech; in others, 5 % of the frames."""
SPEECH_BELOW_PEAK_DB = 35.0
"""Speech is at most this far below the loud frames."""
SPEECH_ABOVE_NOISE_DB = 8.0
"""Speech is at least this far above the quiet frames (5th percentile)."""
SILENT_DB = -60.0
"""A recording whose loud frames are below this level (dBFS) is silent."""
LEAST_RUN = 3
"""Minimum number of consecutive loud frames in speech; shorter bursts are clicks."""
PAUSE_S = 0.3
"""Shortest silence inside of speech that is a pause: longer than the closure of any stop."""
PEAK_LIMIT = 0.99
FULL_SCALE = 0.999
FLAT = 2.5 / 32768
"""Tolerance for samples at a recording's own peak: detects audio that was attenuated after clipping."""
NOISE_FLATNESS = 0.6
"""Flatness (geometric over arithmetic mean) of the mean power spectrum above which audio is noise: nearly 1 for white
noise, at most a few hundredths for speech."""
NOISE_BAND = (100.0, 7000.0)
"""Frequency band in Hz in which flatness is measured."""
NOISE_FRAME = 512
"""Frame size in samples for that spectrum."""
CLIPPED_SHARE = 1e-4
"""Share of samples at full scale or the peak, in runs of three or more, above which clipping is reported."""
QUIET_DB = 1.0
"""Loudness that a recording may lack because of its peak before it is reported."""


@dataclass(frozen=True)
class Sound:
    """A prepared recording and its measurements."""

    samples: Samples
    """Audio [S] at the corpus's sample rate, trimmed and loudness-normalized; empty if silent."""
    audio_hash: str
    """SHA-256 of the decoded source as 16-bit samples."""
    source_seconds: float
    """Length of the source."""
    loudness: float
    """Integrated loudness of the source in LUFS; -inf if silent."""
    gain_db: float
    """Applied gain."""
    clipped: float
    """Share of samples at full scale, or at the recording's own peak, in runs of three or more."""
    trimmed: tuple[float, float]
    """Seconds cut off at the beginning and at the end."""
    pauses: tuple[float, ...]
    """Seconds of each silence of `PAUSE_S` or more inside of the speech."""
    problems: tuple[Problem, ...]
    """Problems found in it."""


def prepare_sound(audio: Samples, rate: int, options: PrepareOptions) -> Sound:
    """Prepares audio [S] in [-1, 1] at `rate` Hz for the corpus. Loudness is measured by ITU-R BS.1770-4."""
    resampler = Resampler(rate, options.sample_rate)
    centered = audio - audio.mean(dtype=np.float64).astype(np.float32)  # cheap sound cards add a DC offset
    whole = np.concatenate([resampler.push(centered), resampler.flush()])
    bounds = speech_bounds(whole, options.sample_rate)
    if bounds is None:
        level = loud_level(frame_levels(whole, options.sample_rate))
        problem = Problem(
            "silent", f"its loud parts reach {level:.0f} dB of full scale; speech lies above {SILENT_DB:g}"
        )
        return Sound(
            whole[:0], _hash(audio), len(audio) / rate, -np.inf, 0.0, 0.0, (0.0, 0.0), (), (problem,)
        )
    margin = round(options.margin_ms * options.sample_rate / 1000)
    start, end = max(0, bounds[0] - margin), min(len(whole), bounds[1] + margin)
    problems = _duration_problems(
        (bounds[1] - bounds[0]) / options.sample_rate, (end - start) / options.sample_rate, options
    )
    kept = whole[start:end]
    loudness, gain = _gain(kept, options)
    if options.loudness_lufs - loudness - gain > QUIET_DB:
        problems.append(Problem("quiet", f"{loudness + gain:.1f} LUFS instead of {options.loudness_lufs:g}"))
    if (flatness := noise_flatness(kept, options.sample_rate)) > NOISE_FLATNESS:
        detail = f"its spectrum is as flat as noise's ({flatness:.2f}; at most {NOISE_FLATNESS:g})"
        problems.append(Problem("noise", detail))
    clipped = clipped_share(audio)
    if clipped > CLIPPED_SHARE:
        problems.append(Problem("clipping", f"{100 * clipped:.2f} % of the samples"))
    return Sound(
        samples=(kept * 10 ** (gain / 20)).astype(np.float32),
        audio_hash=_hash(audio),
        source_seconds=len(audio) / rate,
        loudness=loudness,
        gain_db=gain,
        clipped=clipped,
        trimmed=(start / options.sample_rate, (len(whole) - end) / options.sample_rate),
        pauses=inner_pauses(kept, options.sample_rate),
        problems=tuple(problems),
    )


def speech_bounds(audio: Samples, rate: int) -> tuple[int, int] | None:
    """First sample of speech and the one after the last; None if there is none."""
    size = max(1, round(FRAME_S * rate))
    places = _speech_places(audio, rate)
    if places.size == 0:
        return None
    return int(places[0]) * size, int(places[-1] + LEAST_RUN) * size


def inner_pauses(audio: Samples, rate: int) -> tuple[float, ...]:
    """Seconds of each silence of `PAUSE_S` or more between the speech in audio [S]."""
    gaps = (np.diff(_speech_places(audio, rate)) - LEAST_RUN) * FRAME_S
    return tuple(round(float(gap), 2) for gap in gaps if gap >= PAUSE_S)


def _speech_places(audio: Samples, rate: int) -> NDArray[np.int64]:
    """The frames at which `LEAST_RUN` frames of speech begin, in order."""
    level = frame_levels(audio, rate)
    if len(level) < LEAST_RUN:
        return np.zeros(0, np.int64)
    loud, noise = loud_level(level), np.percentile(level, 5)
    if loud < SILENT_DB:
        return np.zeros(0, np.int64)
    # In a recording without pauses the noise cannot be measured: its quiet frames are speech too.
    floor = min(noise + SPEECH_ABOVE_NOISE_DB, loud - SPEECH_BELOW_PEAK_DB / 2)
    is_speech = level > max(loud - SPEECH_BELOW_PEAK_DB, floor)
    return np.flatnonzero(np.convolve(is_speech, np.ones(LEAST_RUN, int), "valid") == LEAST_RUN)


def frame_levels(audio: Samples, rate: int) -> NDArray[np.float64]:
    """Power of each complete frame of `FRAME_S` seconds, in dBFS."""
    size = max(1, round(FRAME_S * rate))
    count = len(audio) // size
    power = np.square(audio[: count * size].reshape(count, size).astype(np.float64)).mean(axis=1)
    level: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return level


def loud_level(level: NDArray[np.float64]) -> float:
    """The level that 5 % of the frames exceed, or `LOUD_FRAMES` of them in a long recording."""
    if not len(level):
        return -120.0
    return float(np.percentile(level, max(95.0, 100.0 * (1.0 - LOUD_FRAMES / len(level)))))


def clipped_share(audio: Samples) -> float:
    """Share of samples at full scale, or at the maximum or minimum, in runs of three or more."""
    top, bottom = float(audio.max()), float(audio.min())
    inside = np.zeros(len(audio), bool)
    for full in (np.abs(audio) >= FULL_SCALE, audio >= top - FLAT, audio <= bottom + FLAT):
        runs = full[:-2] & full[1:-1] & full[2:]
        for shift in range(3):
            inside[shift : shift + len(runs)] |= runs
    return float(inside.mean())


def noise_flatness(audio: Samples, rate: int) -> float:
    """Flatness of the mean power spectrum of audio [S]: 0 for a tone, 1 for white noise."""
    count = len(audio) // NOISE_FRAME
    frames = audio[: count * NOISE_FRAME].reshape(count, NOISE_FRAME).astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(NOISE_FRAME)))).mean(axis=0)
    hertz = np.fft.rfftfreq(NOISE_FRAME, 1.0 / rate)
    band = power[(hertz >= NOISE_BAND[0]) & (hertz <= min(NOISE_BAND[1], 0.45 * rate))] + 1e-20
    return float(np.exp(np.log(band).mean()) / band.mean())


def _duration_problems(speech: float, kept: float, options: PrepareOptions) -> list[Problem]:
    if speech < options.min_seconds:
        return [Problem("too_short", f"{speech:.2f} s of speech; at least {options.min_seconds:g}")]
    if kept > options.max_seconds:
        return [Problem("too_long", f"{kept:.1f} s; at most {options.max_seconds:g}")]
    return []


def _gain(audio: Samples, options: PrepareOptions) -> tuple[float, float]:
    """Loudness in LUFS, and the gain in dB that reaches the target without exceeding the peak limit."""
    block = min(0.4, len(audio) / options.sample_rate)
    while len(audio) < block * options.sample_rate:  # rounded up, a block would be longer than the recording
        block = math.nextafter(block, 0.0)
    meter = pyloudnorm.Meter(options.sample_rate, block_size=block)
    loudness = float(meter.integrated_loudness(audio.astype(np.float64)))
    if not np.isfinite(loudness):
        loudness = 10.0 * float(np.log10(np.square(audio).mean() + 1e-12))
    room = 20.0 * float(np.log10(PEAK_LIMIT / max(float(np.abs(audio).max()), 1e-6)))
    return loudness, min(options.loudness_lufs - loudness, room)


def _hash(audio: Samples) -> str:
    return hashlib.sha256(np.round(audio * 32767).astype("<i2").tobytes()).hexdigest()
