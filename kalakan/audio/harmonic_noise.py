"""Synthesis of the `harmonic_noise` vocoder from its filters, in numpy arrays, computed by Rust."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

import kalakan._rust as _rust
from kalakan.audio.stft import as_float32
from kalakan.config.schema import AudioConfig, HarmonicNoiseConfig

NOISE_SIZE = 65_536
"""Samples of the noise table, a power of two; it repeats after 2.7 s at 24 kHz."""


def filters_to_audio(
    filters: ArrayLike,
    f0: ArrayLike,
    audio: AudioConfig,
    config: HarmonicNoiseConfig,
    first_frame: int = 0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Audio [T * hop_length] of the filters [T, subframes * 3 * F] that the vocoder's network predicts, noise
    lowered in voiced frames by `HarmonicNoiseConfig.noise_cut`.

    `f0` [N] in Hz (0 unvoiced) is the whole sentence's; the filters are those of its frames `first_frame` to
    `first_frame + T`. Pulse phase and noise depend on the place in the sentence and `seed` only, so windows join
    without a seam; `context_frames` at each end of a window lack their neighbors, except at the sentence's own ends.
    Not clipped. Raises `AudioError` for a wrong shape, a window outside the sentence, NaN or infinity.
    """
    plan = _plan(audio, config)
    phase, noise = source_start(seed)
    given = (_float32("filters", filters), _float32("f0", f0))
    return plan.render(*given, first_frame, phase, noise)


def context_frames(audio: AudioConfig, config: HarmonicNoiseConfig) -> int:
    """Frames at each end of a window of filters to ask for in addition and to drop."""
    return _plan(audio, config).context


def network_context(config: HarmonicNoiseConfig) -> int:
    """The same for a window of the mel that the network reads: half of each convolution's kernel but one."""
    return (config.layers + 1) * (config.kernel // 2)


def source_start(seed: int) -> tuple[float, int]:
    """Initial phase of the pulses in cycles, and the place in the noise table; both 0 for seed 0.

    Multiplicative hashing: D. Knuth, "The Art of Computer Programming", volume 3, section 6.4.
    """
    mixed = int(seed) * 2_654_435_769 % (1 << 32)
    return (mixed >> 16) / 65_536, mixed % NOISE_SIZE


def _float32(name: str, values: ArrayLike) -> NDArray[np.float32]:
    """See `as_float32`; the scale of model outputs need not be checked."""
    is_ready = isinstance(values, np.ndarray) and values.dtype == np.float32
    return values if is_ready else as_float32(name, values)  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _plan(audio: AudioConfig, config: HarmonicNoiseConfig) -> _rust.SourceFilter:
    return _rust.SourceFilter(
        sample_rate=audio.sample_rate,
        hop_length=audio.hop_length,
        n_fft=config.n_fft,
        subframes=config.subframes,
        noise_cut=config.noise_cut,
        noise_cut_below=config.noise_cut_below,
        noise_cut_from=config.noise_cut_from,
    )
