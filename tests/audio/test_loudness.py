"""Loudness and true peak, measured and set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.audio.level import PEAK_DBTP, at_loudness, check_loudness, leveled, leveled_stream
from kalakan.audio.meter import LoudnessMeter, loudness, peaks, true_peak, weighting
from kalakan.errors import AudioError

RATES = (8000, 11025, 16000, 22050, 24000, 44100, 48000)


def speech_like(rate: int, seconds: float, seed: int = 0) -> np.ndarray:
    """Bursts of tones and noise with pauses between them, up to half the rate."""
    random = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    tone = sum(np.sin(2 * np.pi * 130 * k * time + k) / k for k in range(1, 20) if 130 * k < rate / 2)
    bursts = np.clip(np.sin(2 * np.pi * 2.3 * time), 0, None) ** 0.5
    noise = random.standard_normal(len(time))
    return (0.1 * bursts * (tone + 0.3 * noise)).astype(np.float32)


def test_the_weighting_is_that_of_the_standard() -> None:
    """ITU-R BS.1770-5, tables 1 and 2, at 48 kHz."""
    (shelf, shelf_back), (high_pass, high_pass_back) = weighting(48_000)
    np.testing.assert_allclose(shelf, [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-9)
    np.testing.assert_allclose(shelf_back, [1.0, -1.69065929318241, 0.73248077421585], atol=1e-9)
    np.testing.assert_allclose(high_pass, [1.0, -2.0, 1.0])
    np.testing.assert_allclose(high_pass_back, [1.0, -1.99004745483398, 0.99007225036621], atol=1e-9)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.4, 0.63, 3.0, 7.77])
def test_loudness_is_that_of_pyloudnorm(rate: int, seconds: float) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm", reason="the judge, pyloudnorm, is not installed")
    audio = speech_like(rate, seconds)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    assert loudness(audio, rate) == pytest.approx(meter.integrated_loudness(audio.astype(float)), abs=0.05)


def test_a_tone_of_full_scale_is_as_loud_as_the_standard_says() -> None:
    """BS.1770-5, annex 1: a sine of 997 Hz at 0 dBFS in one front channel reads -3.01 LUFS."""
    time = np.arange(48_000 * 5) / 48_000
    assert loudness(np.sin(2 * np.pi * 997 * time).astype(np.float32), 48_000) == pytest.approx(
        -3.01, abs=0.01
    )


def test_silence_between_words_does_not_count() -> None:
    audio = speech_like(24_000, 4.0)
    padded = np.concatenate([np.zeros(24_000 * 8, np.float32), audio, np.zeros(24_000 * 5, np.float32)])
    assert loudness(padded, 24_000) == pytest.approx(loudness(audio, 24_000), abs=0.3)
    assert loudness(np.zeros(24_000, np.float32), 24_000) == -math.inf
    assert loudness(np.zeros(0, np.float32), 24_000) == -math.inf


@pytest.mark.parametrize("size", [1, 63, 1103, 70_000])
@pytest.mark.parametrize("rate", [2000, 11025, 24000])
def test_chunks_measure_as_the_whole(rate: int, size: int) -> None:
    audio = speech_like(rate, 1.0 if size == 1 else 5.3)[: 3000 if size == 1 else None]
    meter = LoudnessMeter(rate)
    for start in range(0, len(audio), size):
        meter.push(audio[start : start + size])
    assert meter.loudness() == pytest.approx(loudness(audio, rate), abs=1e-6)


@pytest.mark.parametrize("frequency", [0.02, 0.125, 0.25, 0.31, 0.4])
def test_peaks_between_samples_are_found(frequency: float) -> None:
    """Tones that meet their samples beside their peaks; frequencies as parts of the rate."""
    fade = np.minimum(
        1.0, np.minimum(np.arange(4000), np.arange(4000)[::-1]) / 500
    )  # no ringing at the edges
    found = [
        true_peak((0.5 * fade * np.sin(2 * np.pi * frequency * np.arange(4000) + phase)).astype(np.float32))
        for phase in np.linspace(0, 3, 13)
    ]
    # At four times the rate the nearest value is at most an eighth of a sample away.
    assert min(found) >= 20 * math.log10(0.5 * math.cos(2 * math.pi * frequency / 8)) - 0.05
    assert max(found) <= 20 * math.log10(0.5) + 0.05


def test_peaks_are_those_of_every_sample() -> None:
    audio = speech_like(24_000, 1.0)
    everywhere = peaks(audio, 0.0)
    for floor in (0.05, 0.2):
        some = peaks(audio, floor)
        np.testing.assert_allclose(some[everywhere > floor], everywhere[everywhere > floor], rtol=1e-6)
        assert (some <= everywhere + 1e-9).all()


@pytest.mark.parametrize("lufs", [-30.0, -23.0, -16.0])
@pytest.mark.parametrize("rate", [8000, 24000, 44100])
def test_the_loudness_is_reached_below_the_peak(rate: int, lufs: float) -> None:
    soxr = pytest.importorskip("soxr")
    for seed, seconds in ((0, 6.0), (1, 0.7)):
        audio = speech_like(rate, seconds, seed)
        audio[len(audio) // 2] = 0.97  # a click that no gain alone gets below the limit
        leveled_audio = at_loudness(audio, rate, lufs)
        assert len(leveled_audio) == len(audio)
        assert loudness(leveled_audio, rate) == pytest.approx(lufs, abs=0.1)
        finer = soxr.resample(leveled_audio, rate, 8 * rate, quality="VHQ")
        assert 20 * math.log10(np.abs(finer).max()) <= PEAK_DBTP


def test_without_peaks_it_is_one_gain() -> None:
    audio = speech_like(24_000, 3.0)
    gain = at_loudness(audio, 24_000, -40.0) / np.where(audio == 0, 1, audio)
    loud = np.abs(audio) > 1e-3
    assert np.ptp(gain[loud]) < 1e-5


def test_silence_stays() -> None:
    silence = np.zeros(5000, np.float32)
    assert np.array_equal(at_loudness(silence, 24_000, -16.0), silence)


@pytest.mark.parametrize("size", [37, 1000, 50_000])
def test_blocks_level_as_the_whole(size: int) -> None:
    audio = speech_like(8000, 2.0)
    audio[7000] = 0.9
    blocks = [audio[start : start + size] for start in range(0, len(audio), size)]
    found = np.concatenate(list(leveled(lambda: blocks, 8000, -16.0)))
    np.testing.assert_allclose(found, at_loudness(audio, 8000, -16.0), atol=1e-5)


def test_a_stream_is_resampled_and_leveled() -> None:
    pytest.importorskip("soxr")
    audio = speech_like(24_000, 9.0)
    found = np.concatenate(list(leveled_stream([audio[:100], audio[100:]], 24_000, 16_000, -20.0)))
    assert len(found) == 9 * 16_000
    assert loudness(found, 16_000) == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize("lufs", [-13.9, -50.1, 0.0, math.nan, math.inf])
def test_a_loudness_out_of_range_is_refused(lufs: float) -> None:
    with pytest.raises(AudioError, match=r"loudness is .* LUFS; it must lie between -50 and -14"):
        check_loudness(lufs)
