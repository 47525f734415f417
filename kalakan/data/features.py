"""Log-mel spectrograms and F0 of a dataset, computed once and cached on disk, keyed by the audio settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kalakan.audio.files import read_audio
from kalakan.audio.mel import log_mel
from kalakan.config.resolve import to_dict
from kalakan.config.schema import AudioConfig
from kalakan.data.arrays import Array, ArrayFiles, Kind
from kalakan.data.manifest import F0_SAMPLES, Utterance
from kalakan.errors import DataError, MissingDependencyError, how_to_install


def audio_hash(config: AudioConfig) -> str:
    """Twelve hexadecimal digits that change when any audio setting changes."""
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:12]


def log_energy(mel: Array) -> Array:
    """ln of the L2 norm of each frame's mel magnitudes: log-mel [M, T] to [T]."""
    norm = 0.5 * np.log(np.sum(np.exp(2.0 * mel.astype(np.float64)), axis=0))
    energy: Array = norm.astype(np.float32)
    return energy


class FeatureStore:
    """Log-mel [M, T], F0 [T] and audio [S] by utterance, cached in `folder/<audio hash>/`.

    Files older than their recording are recomputed. No array is kept in memory.
    """

    def __init__(self, folder: str | Path, config: AudioConfig) -> None:
        self.config = config
        self.folder = Path(folder) / audio_hash(config)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files = ArrayFiles(np.float32)
        self._sounds = ArrayFiles(np.int16)

    def path(self, utterance: Utterance, suffix: str = ".npy") -> Path:
        """The file of a feature; the mel's has the suffix ".npy"."""
        return self.folder / f"{utterance.id}{suffix}"

    def mel(self, utterance: Utterance) -> Array:
        """Log-mel [M, T] of the whole recording; raises `DataError` for damaged or wrongly sampled audio."""
        shape = (self.config.n_mels, utterance.samples // self.config.hop_length)
        return self._kept(
            self._files, utterance, ".npy", shape, lambda: log_mel(self.audio(utterance), self.config)
        )

    def f0(self, utterance: Utterance) -> Array:
        """F0 [T] in Hz at the center of each mel frame of the whole recording, 0 where Praat finds no voicing.

        Its values are the manifest's labels where there are any, else Praat's estimates. The labels may be a
        synthesizer's F0 input, which also covers unvoiced stretches (half of a stop, the end of a breath group); a
        model trained on those would voice them. Raises as `mel`, and `MissingDependencyError` if parselmouth is not
        installed.
        """
        count = utterance.samples // self.config.hop_length
        heard = self._kept(
            self._files, utterance, ".f0.npy", (count,), lambda: _hear_f0(self.audio(utterance), self.config)
        )
        if not utterance.f0.size:
            return heard
        centers = (np.arange(count) * self.config.hop_length + self.config.hop_length // 2) // F0_SAMPLES
        labels = utterance.f0[np.clip(centers, 0, len(utterance.f0) - 1)]
        voiced: Array = np.where(heard > 0, labels, np.float32(0.0))
        return voiced

    def samples(self, utterance: Utterance) -> NDArray[np.int16]:
        """`audio` as 16-bit integers [S], 32767 for 1; raises as `mel`."""
        shape = (utterance.samples,)
        return self._kept(
            self._sounds, utterance, ".audio.npy", shape, lambda: _in_16_bits(self.audio(utterance))
        )

    def audio(self, utterance: Utterance) -> Array:
        """Audio [S] of the recording, padded or cut to the length in the manifest."""
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
        if not np.isfinite(audio).all():
            raise DataError(
                f"{utterance.audio.name}: holds samples that are not finite; record or convert it again"
            )
        padded = np.zeros(utterance.samples, dtype=np.float32)
        size = min(len(audio), utterance.samples)
        padded[:size] = audio[:size]
        return padded

    def _kept(
        self,
        files: ArrayFiles[Kind],
        utterance: Utterance,
        suffix: str,
        shape: tuple[int, ...],
        compute: Callable[[], NDArray[Kind]],
    ) -> NDArray[Kind]:
        """The feature from a valid file that is not older than the recording, otherwise computed and cached."""
        path = self.path(utterance, suffix)
        try:
            return files.read(path, shape, utterance.audio)
        except DataError:
            values = compute()  # the first time, for a changed recording, or after a kill
        if not np.isfinite(values).all():
            raise DataError(f"{path.name}: the feature is not finite; look at the recording")
        files.write(path, values, utterance.audio)
        return values


def _in_16_bits(audio: Array) -> NDArray[np.int16]:
    return np.round(np.clip(audio, -1.0, 1.0) * 32767.0).astype(np.int16)


def _hear_f0(audio: Array, config: AudioConfig) -> Array:
    try:
        from kalakan.audio.pitch import frame_f0
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"F0 of recordings needs parselmouth; {how_to_install('train')}"
        ) from error
    return frame_f0(audio, config)


def speaker_names(utterances: Iterable[Utterance], order: Sequence[str] = ()) -> tuple[str, ...]:
    """The speakers of a dataset in the order of the model's embedding rows: `order`, or sorted if it is empty.

    Raises `DataError` if `order` names other speakers than the dataset has.
    """
    found = tuple(sorted({utterance.speaker for utterance in utterances}))
    if order and tuple(sorted(order)) != found:
        raise DataError(
            f"data.speakers is {', '.join(order)} and the corpus has {', '.join(found)}; name each of these once"
        )
    return tuple(order) or found
