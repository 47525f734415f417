"""Audio at a given loudness with a limited true peak, for files: they are measured before they are written."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.meter import LoudnessMeter, peaks
from kalakan.audio.resample import Resampler
from kalakan.errors import AudioError

Samples = NDArray[np.float32]
LOUDEST, QUIETEST = -14.0, -50.0
"""Limits of a loudness in LUFS: above the first, speech would be limited all the time."""
PEAK_DBTP = -1.5
"""Limit of the true peak in dBTP."""
TOLERANCE = 0.05
"""Largest distance in LU from the loudness that was asked for, where the limiter allows it."""
_MARGIN_DB = 0.2
"""A gain that changes moves a peak by a little, and converters differ by as much."""
_PASSES = 6
_ATTACK_S = 0.005
"""Half the width of the limiter's window: how long before a peak the gain begins to fall."""
_CONTEXT = 128
"""Number of samples around a block, more than the true-peak filters need."""
_BLOCK = 1 << 16


def check_loudness(lufs: float | None) -> None:
    """Raises `AudioError` for a loudness out of range; None is none."""
    if lufs is not None and not QUIETEST <= lufs <= LOUDEST:
        raise AudioError(f"loudness is {lufs:g} LUFS; it must lie between {QUIETEST:g} and {LOUDEST:g}")


def at_loudness(audio: Samples, rate: int, lufs: float) -> Samples:
    """Audio [S] with the integrated loudness `lufs` and a true peak of at most `PEAK_DBTP`.

    Applies one gain; a look-ahead limiter reduces peaks above the limit, and the gain compensates for that. Silence
    does not change.
    """
    return np.concatenate(list(leveled(lambda: [audio], rate, lufs)))


def leveled(blocks: Callable[[], Iterable[Samples]], rate: int, lufs: float) -> Iterator[Samples]:
    """The same for blocks [S_i] of a recording, which is iterated several times."""
    gain_db = lufs - _loudness(blocks(), rate)
    if not math.isfinite(gain_db):
        yield from blocks()
        return
    for _ in range(_PASSES):
        missing = lufs - _loudness(_limited(blocks(), rate, gain_db), rate)
        if abs(missing) <= TOLERANCE:
            break
        gain_db += missing
    yield from _limited(blocks(), rate, gain_db)


def leveled_stream(chunks: Iterable[Samples], source_rate: int, rate: int, lufs: float) -> Iterator[Samples]:
    """Chunks [S_i] at `source_rate` Hz as blocks at `rate` Hz with the loudness `lufs`.

    They are kept in a temporary file until the last one arrives, so that memory does not grow with the recording.
    """
    resampler = Resampler(source_rate, rate)
    with tempfile.TemporaryFile(prefix="kalakan-") as scratch:
        for chunk in chunks:
            samples = np.asarray(chunk.detach().cpu() if hasattr(chunk, "detach") else chunk)
            scratch.write(resampler.push(samples.astype(np.float32, copy=False)).tobytes())
        scratch.write(resampler.flush().tobytes())

        def blocks() -> Iterator[Samples]:
            scratch.seek(0)
            while content := scratch.read(4 * _BLOCK):
                yield np.frombuffer(content, np.float32)

        yield from leveled(blocks, rate, lufs)


def _loudness(blocks: Iterable[Samples], rate: int) -> float:
    meter = LoudnessMeter(rate)
    for block in blocks:
        meter.push(block)
    return meter.loudness()


def _limited(blocks: Iterable[Samples], rate: int, gain_db: float) -> Iterator[Samples]:
    """Blocks with a gain applied and limited; the samples do not depend on how the recording is cut."""
    gain = np.float32(10.0 ** (gain_db / 20.0))
    attack = max(1, round(_ATTACK_S * rate))
    for before, middle, after in _with_context(blocks, 2 * attack + _CONTEXT):
        loud = np.concatenate([before, middle, after]) * gain
        start = len(before)
        yield (loud * _gain_curve(loud, attack))[start : start + len(middle)]


def _gain_curve(audio: Samples, attack: int) -> NDArray[np.float32]:
    """Gain [S] in (0, 1] that keeps the peaks of audio [S] below the limit, and changes slowly."""
    limit = 10.0 ** ((PEAK_DBTP - _MARGIN_DB) / 20.0)
    found = peaks(audio, limit)
    if found.max(initial=0.0) <= limit:
        return np.ones(len(audio), np.float32)
    needed = np.minimum(1.0, limit / np.maximum(found, limit))
    window = np.hanning(2 * attack + 3)[1:-1]
    # Within a window around a peak no gain exceeds the peak's, so their mean does not either.
    lowest = _running_minimum(np.pad(needed, 2 * attack, constant_values=1.0), 2 * attack + 1)
    curve: NDArray[np.float32] = np.convolve(lowest, window / window.sum(), "valid").astype(np.float32)
    return curve


def _running_minimum(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Minimum of each `width` consecutive values, in log2(width) passes."""
    done = 1
    while 2 * done <= width:
        values = np.minimum(values[:-done], values[done:])
        done *= 2
    rest = width - done
    return np.minimum(values[:-rest], values[rest:]) if rest else values


def _with_context(blocks: Iterable[Samples], reach: int) -> Iterator[tuple[Samples, Samples, Samples]]:
    """Blocks of at least `reach` samples, except the last, each with the `reach` samples before and after it."""
    nothing = np.zeros(0, np.float32)
    before, middle = nothing, nothing
    for block in _at_least(blocks, reach):
        if len(middle):
            yield before, middle, block[:reach]
            before = middle[-reach:]
        middle = block
    if len(middle):
        yield before, middle, nothing


def _at_least(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of at least `size`, of which the last one may be shorter."""
    waiting: list[Samples] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= size:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
