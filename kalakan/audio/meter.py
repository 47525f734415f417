"""Loudness and true peak of mono audio as defined in ITU-R BS.1770-5, using only numpy."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HOP_S = 0.1
"""Distance of the gating blocks in seconds; a block lasts four of them."""
ABSOLUTE_GATE = -70.0
"""Blocks below are silence, in LUFS."""
RELATIVE_GATE = -10.0
"""Blocks this far below the mean of the others are ignored, in LU."""
_OFFSET = -0.691
_RESPONSE_S = 0.15
"""Length of the weighting filter's impulse response, at which it has fallen below 1e-9."""
_BLOCK = 1 << 16
_TAPS = 128
_PHASES = 4
_GATHERED = 1 << 13
_BESSEL = 6.0
"""Shape of the Kaiser window of the interpolating filters."""
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_SHELF_BAND = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
"""The analog filters whose bilinear transform at 48 kHz has the coefficients of BS.1770's tables 1 and 2."""

Samples = NDArray[np.float32]


class LoudnessMeter:
    """Integrated loudness (BS.1770-5, annex 1) of one recording, pushed in chunks of any size."""

    def __init__(self, rate: int) -> None:
        """`rate` is the sample rate in Hz."""
        self._rate = rate
        self._response = _impulse_response(rate)
        self._tail = np.zeros(len(self._response) - 1)
        self._sums: list[float] = []
        self._count = 0

    def push(self, chunk: Samples) -> None:
        """Measures another chunk [S] in [-1, 1]."""
        for start in range(0, len(chunk), _BLOCK):
            self._add(np.square(self._weighted(chunk[start : start + _BLOCK])))

    def loudness(self) -> float:
        """Loudness of all pushed chunks in LUFS, -inf for silence; a recording below 0.4 s is one block."""
        sums = np.asarray(self._sums)
        if self._count < 4 * HOP_S * self._rate:
            power = np.asarray([sums.sum() / max(1, self._count)])
        else:
            whole = int(self._count / (HOP_S * self._rate))
            edges = np.round(np.arange(whole + 1) * HOP_S * self._rate)
            totals = np.concatenate([[0.0], np.cumsum(sums[:whole])])
            power = (totals[4:] - totals[:-4]) / (edges[4:] - edges[:-4])
        power = power[power > _power_of(ABSOLUTE_GATE)]
        if not len(power):
            return -math.inf
        power = power[power > power.mean() * 10.0 ** (RELATIVE_GATE / 10.0)]
        return _OFFSET + 10.0 * math.log10(power.mean())

    def _weighted(self, chunk: Samples) -> NDArray[np.float64]:
        signal = np.concatenate([self._tail, chunk])
        size = 1 << (len(signal) - 1).bit_length()
        spectrum = np.fft.rfft(signal, size) * np.fft.rfft(self._response, size)
        self._tail = signal[len(signal) - len(self._tail) :]
        weighted: NDArray[np.float64] = np.fft.irfft(spectrum, size)[len(self._tail) : len(signal)]
        return weighted

    def _add(self, squares: NDArray[np.float64]) -> None:
        """Adds squares to the sums of their hops."""
        hop = HOP_S * self._rate
        first, last = self._hop_of(self._count), self._hop_of(self._count + len(squares) - 1)
        starts = np.round(np.arange(first, last + 1) * hop).astype(np.int64) - self._count
        sums = np.add.reduceat(squares, np.maximum(starts, 0))
        if first < len(self._sums):
            self._sums[first] += float(sums[0])
            sums = sums[1:]
        self._sums.extend(sums.tolist())
        self._count += len(squares)

    def _hop_of(self, sample: int) -> int:
        hop = HOP_S * self._rate
        place = int(sample / hop)
        # Hops begin at rounded positions; a sample next to such an edge may belong to a neighbor.
        if sample >= np.round((place + 1) * hop):
            return place + 1
        return place - 1 if sample < np.round(place * hop) else place


def loudness(audio: Samples, rate: int) -> float:
    """Integrated loudness of audio [S] in LUFS; -inf for silence."""
    meter = LoudnessMeter(rate)
    meter.push(audio)
    return meter.loudness()


def peaks(audio: Samples, floor: float) -> NDArray[np.float64]:
    """The largest amplitude [S] between each sample of audio [S] and the next, at four times the rate.

    Amplitudes below `floor` may be those of the samples themselves: only values that can exceed it are interpolated. As
    in BS.1770-5, annex 2, but with a longer filter, because speech at low sample rates is loud up to the Nyquist
    frequency.
    """
    found = np.abs(audio.astype(np.float64))
    near = found > floor / 2.0
    for shift in (1, 2, 4, 8):  # the peak of a high tone may be some samples away from its largest sample
        near[:-shift] |= near[shift:]
        near[shift:] |= near[:-shift]
    places = np.flatnonzero(near)
    padded = np.pad(audio, (_TAPS // 2 - 1, _TAPS // 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _TAPS)
    for start in range(0, len(places), _GATHERED):
        chosen = places[start : start + _GATHERED]
        between = np.abs(windows[chosen] @ _interpolators()).max(axis=1)
        found[chosen] = np.maximum(found[chosen], between)
    return found


def true_peak(audio: Samples) -> float:
    """True peak of audio [S] in dBTP; -inf for silence."""
    peak = float(peaks(audio, float(np.abs(audio).max(initial=0.0))).max(initial=0.0))
    return 20.0 * math.log10(peak) if peak > 0.0 else -math.inf


def _power_of(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET) / 10.0))


@lru_cache(maxsize=16)
def _impulse_response(rate: int) -> NDArray[np.float64]:
    """Impulse response [K] of the K-weighting at `rate` Hz.

    A filter with feedback needs a loop over samples, which is slow in Python; this one decays so fast that a
    convolution can replace it.
    """
    size = 1 << (rate - 1).bit_length()
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones_like(z)
    for over, under in weighting(rate):
        response *= np.polyval(over[::-1], z) / np.polyval(under[::-1], z)
    impulse: NDArray[np.float64] = np.fft.irfft(response, size)[: round(_RESPONSE_S * rate)]
    return impulse


def weighting(rate: int) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """The two sections of the K-weighting at `rate` Hz: coefficients [3] of input and output of each."""
    shelf_hz = min(
        _SHELF_HZ, 0.45 * rate
    )  # at rates below 4 kHz, nothing is left above the shelf's frequency
    k, gain = math.tan(math.pi * shelf_hz / rate), 10.0 ** (_SHELF_DB / 20.0)
    band = gain**_SHELF_BAND
    over = np.asarray([gain + band * k / _SHELF_Q + k * k, 2.0 * (k * k - gain), 0.0])
    over[2] = gain - band * k / _SHELF_Q + k * k
    under = np.asarray([1.0 + k / _SHELF_Q + k * k, 2.0 * (k * k - 1.0), 1.0 - k / _SHELF_Q + k * k])
    k = math.tan(math.pi * _HIGH_PASS_HZ / rate)
    low = np.asarray([1.0 + k / _HIGH_PASS_Q + k * k, 2.0 * (k * k - 1.0), 1.0 - k / _HIGH_PASS_Q + k * k])
    return (over / under[0], under / under[0]), (np.asarray([1.0, -2.0, 1.0]), low / low[0])


@lru_cache(maxsize=1)
def _interpolators() -> NDArray[np.float32]:
    """Taps [128, 3] of the filters that give the values a quarter, a half and three quarters after a sample."""
    places = np.arange(_TAPS) - (_TAPS // 2 - 1)
    found = []
    for phase in range(1, _PHASES):
        distance = places - phase / _PHASES
        window = np.i0(_BESSEL * np.sqrt(np.maximum(0.0, 1.0 - (2.0 * distance / _TAPS) ** 2)))
        taps = np.sinc(distance) * window
        found.append((taps / taps.sum()).astype(np.float32))
    return np.stack(found, axis=1)
