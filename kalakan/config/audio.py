"""Settings of the mel spectrogram."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import MOST_SIZE, require, require_at_least, require_at_most


@dataclass(frozen=True)
class AudioConfig:
    """How a waveform becomes a log-mel spectrogram. Training and synthesis share one instance."""

    sample_rate: int = 24_000
    """Samples per second."""
    n_fft: int = 1200
    """FFT size in samples."""
    win_length: int = 1200
    """Periodic Hann window in samples, centered in the FFT frame."""
    hop_length: int = 300
    """Samples between frames; T frames are T * hop_length samples."""
    n_mels: int = 80
    """Mel bands."""
    mel_fmin: float = 0.0
    """Lower edge of the lowest band in Hz."""
    mel_fmax: float = 12_000.0
    """Upper edge of the highest band in Hz; at most half the sample rate."""
    mel_floor: float = 1e-5
    """Smallest mel magnitude before the natural logarithm."""

    def __post_init__(self) -> None:
        require_at_least(self, "audio", ("sample_rate", "n_fft", "win_length", "hop_length", "n_mels"), 1)
        require_at_most(self, "audio", ("sample_rate",), 768_000)
        require_at_most(self, "audio", ("n_fft", "n_mels"), MOST_SIZE)
        require(
            self.win_length <= self.n_fft,
            "audio.win_length",
            self.win_length,
            f"it must be at most n_fft, {self.n_fft}",
        )
        require(
            self.hop_length <= self.win_length,
            "audio.hop_length",
            self.hop_length,
            f"it must be at most win_length, {self.win_length}",
        )
        require(
            (self.n_fft - self.hop_length) % 2 == 0,
            "audio.hop_length",
            self.hop_length,
            f"n_fft - hop_length must be even and n_fft is {self.n_fft}",
        )
        require(
            0 <= self.mel_fmin < self.mel_fmax <= self.sample_rate / 2,
            "audio.mel_fmax",
            self.mel_fmax,
            f"it must lie above mel_fmin, {self.mel_fmin}, and be at most half the sample rate, {self.sample_rate / 2}",
        )
        require(self.mel_floor > 0, "audio.mel_floor", self.mel_floor, "it must be above 0")

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length
