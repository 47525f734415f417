"""Filters of the `harmonic_noise` vocoder to sound, in numpy arrays, computed by Rust."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kalakan import _rust
from kalakan.audio.stft import as_float32
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig


def filters_to_audio(
    filters: ArrayLike,
    f0: ArrayLike,
    audio: AudioConfig,
    config: HarmonicNoiseConfig,
    first_frame: int = 0,
) -> NDArray[np.float32]:
    """Audio [T * hop_length] of the filters [T, subframes * 3 * F] that the vocoder's network puts out.

    `f0` [N] in Hz (0 unvoiced) is the whole sentence's; the filters are those of its frames `first_frame` to
    `first_frame + T`. Pulse phase and noise depend on the place in the sentence only, so windows join without a
    seam; but for the sentence's own ends, `context_frames` at each end of a window lack their neighbours.
    Not clipped. Raises `AudioError` for a wrong shape, a window outside the sentence, NaN or infinity.
    """
    plan = _plan(audio, config)
    return plan.render(as_float32("filters", filters), as_float32("f0", f0), first_frame)


def context_frames(audio: AudioConfig, config: HarmonicNoiseConfig) -> int:
    """Frames at each end of a window to ask for in addition and to drop."""
    return _plan(audio, config).context


@lru_cache(maxsize=8)
def _plan(audio: AudioConfig, config: HarmonicNoiseConfig) -> _rust.SourceFilter:
    return _rust.SourceFilter(
        sample_rate=audio.sample_rate,
        hop_length=audio.hop_length,
        n_fft=config.n_fft,
        subframes=config.subframes,
    )
