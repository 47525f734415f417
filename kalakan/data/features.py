"""Log-mel spectrograms of a dataset, computed once and kept on disk, keyed by the audio settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import read_audio
from kalakan.audio.mel import log_mel
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.data.manifest import Utterance
from kalakan.errors import DataError
from kalakan.storage import replacing


def audio_hash(config: AudioConfig) -> str:
    """Twelve hexadecimal digits that change when any audio setting changes."""
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:12]


def log_energy(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """ln of the L2 norm of each frame's mel magnitudes: log-mel [M, T] to [T]."""
    norm = 0.5 * np.log(np.sum(np.exp(2.0 * mel.astype(np.float64)), axis=0))
    energy: NDArray[np.float32] = norm.astype(np.float32)
    return energy


class FeatureStore:
    """Log-mel [M, T] by utterance: read from `folder/<audio hash>/<id>.npy`, or computed and written there."""

    def __init__(self, folder: str | Path, config: AudioConfig) -> None:
        self.config = config
        self.folder = Path(folder) / audio_hash(config)
        self.folder.mkdir(parents=True, exist_ok=True)

    def mel(self, utterance: Utterance) -> NDArray[np.float32]:
        """Log-mel [M, T] of the whole recording; raises `DataError` for damaged or wrongly sampled audio."""
        path = self.folder / f"{utterance.id}.npy"
        if path.is_file():
            try:
                cached: NDArray[np.float32] = np.load(path)
                if cached.shape == (self.config.n_mels, utterance.samples // self.config.hop_length):
                    return cached
            except (ValueError, EOFError, OSError):
                pass  # a file cut short by a kill: compute it again
        mel = self._compute(utterance)
        with replacing(path) as partial, partial.open("wb") as file:
            np.save(file, mel)
        return mel

    def _compute(self, utterance: Utterance) -> NDArray[np.float32]:
        audio, rate = read_audio(utterance.audio)
        if rate != self.config.sample_rate:
            raise DataError(
                f"{utterance.audio.name}: is sampled at {rate} Hz and the audio settings say "
                f"{self.config.sample_rate}; resample it or change audio.sample_rate"
            )
        if abs(len(audio) - utterance.samples) > self.config.hop_length:
            raise DataError(
                f"{utterance.audio.name}: has {len(audio)} samples and its label says {utterance.samples}"
            )
        padded = np.zeros(utterance.samples, dtype=np.float32)
        size = min(len(audio), utterance.samples)
        padded[:size] = audio[:size]
        return log_mel(padded, self.config)


def speaker_names(utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """The speakers of a dataset, sorted: the order of the model's embedding rows."""
    return tuple(sorted({utterance.speaker for utterance in utterances}))
